"use strict";
// A click on a column's head sorts the table by it, another click the other way; cells without a figure stay last.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const sign = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
      const text = (row) => row.cells[column].textContent.trim();
      const figure = (row) => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?(?![\w.])/i.exec(text(row).replace("−", "-"));
      const rows = [...body.rows];
      const given = rows.filter((row) => !/^[-–]?$/.test(text(row)));
      const numeric = given.every(figure);
      const value = (row) => (numeric ? Number(figure(row)[0]) : text(row));
      const collator = new Intl.Collator(undefined, { numeric: true });
      // Figures begin with the largest, names with A.
      const order = numeric ? (a, b) => sign * (value(a) - value(b)) : (a, b) => -sign * collator.compare(value(a), value(b));
      given.sort(order);
      body.append(...given, ...rows.filter((row) => !given.includes(row)));
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
    });
  });
}
