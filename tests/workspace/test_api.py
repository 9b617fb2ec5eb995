"""What users may rely on: a public name or parameter that goes needs a version and a line in CHANGELOG.md."""

import pytest
from tests.workspace.api import KEPT, breaks, place, public_names, released, version

KEPT_LINES = KEPT.read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
def test_what_breaks_has_a_version_and_a_line() -> None:
    for package, names in breaks(KEPT_LINES, public_names()).items():
        assert version(package) != released(KEPT_LINES)[package], f"{package} needs a new version: {', '.join(names)}"
        changes = (place(package) / "CHANGELOG.md").read_text(encoding="utf-8")
        newest = changes.partition("\n## ")[2].partition("\n## ")[0]
        untold = [name for name in names if name.rpartition(".")[2] not in newest]
        assert newest.startswith(version(package))
        assert not untold, f"CHANGELOG.md of {package} does not tell of {', '.join(untold)}"


@pytest.mark.parametrize(
    ("before", "now", "breaks_it"),
    [
        ("p.f(a, b=)", "p.f(a, b=)", False),
        ("p.f(a, b=)", "p.f(a, b=, c=)", False),
        ("p.f(a, b)", "p.f(a, b=)", False),
        ("p.f(a, *, b)", "p.f(a, *, b=, c=)", False),
        ("p.f(a, *, b=)", "p.f(a, b=)", False),
        ("p.f(a)", "", True),
        ("p.f(a, b=)", "p.f(a)", True),
        ("p.f(a, b=)", "p.f(b=, a=)", True),
        ("p.f(a, b=)", "p.f(a, b)", True),
        ("p.f(a)", "p.f(a, *, c)", True),
        ("p.f(a, b=)", "p.f(a, *, b=)", True),
        ("p.f(a)", "p.f(b)", True),
        ("p.NAME", "p.NAME", False),
        ("p.NAME", "p.OTHER", True),
    ],
)
def test_what_counts_as_a_break(before: str, now: str, breaks_it: bool) -> None:
    found = breaks(["# p 1.0", before], ["# p 1.0", *filter(None, [now])])
    assert found == ({"p": [before.split("(")[0]]} if breaks_it else {})
