#!/usr/bin/env bash
# Where the wheel of `bible-alignments` puts its 51 MB of links.
#
# One would guess: inside its package, or fetched when asked for.
# What happens: a folder `data` and a LICENSE.md lie at the top of site-packages, beside all other packages: `import
#   data` of one's own project, run from elsewhere, finds it, and another wheel with a `data` at its top would mix with
#   it. Its requirements, for code that the links do not need, are Django 4 and JupyterLab 3, and Python before 3.12.
# Hurt: who adds the gold links to a project for a word aligner's test.
# xl: takes the files alone (`uv pip install --no-deps --target DATA/bible-alignments`), as `--gold` says where it finds none.
# Seen with: bible-alignments 0.4.2.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
uv venv -q -p 3.11 env
uv pip install -q -p env --no-deps bible-alignments==0.4.2
env/bin/python - <<'PY'
from importlib.metadata import distribution
from importlib.util import find_spec

its = distribution("bible-alignments")
files = [str(file) for file in its.files]
tops = {file.split("/")[0] for file in files}
size = sum(file.locate().stat().st_size for file in its.files if str(file).startswith("data/"))
print(sorted(tops), f"data: {size / 1e6:.0f} MB", its.metadata["Requires-Python"], its.requires)
assert {"data", "LICENSE.md"} <= tops and size > 5e7
print("import data:", find_spec("data"))
assert find_spec("data") is not None
assert any(name.startswith("django ") for name in its.requires)
assert its.metadata["Requires-Python"].endswith("<3.12")
PY
