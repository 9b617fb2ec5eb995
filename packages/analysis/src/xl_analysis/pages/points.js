"use strict";
for (const kind of ["pointerover", "click"]) document.addEventListener(kind, (event) => {
  const title = event.target.closest("g:has(> title)")?.querySelector(":scope > title");
  if (title) document.getElementById("text").textContent = title.textContent;
});
