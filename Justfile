# One word for each habit: `uv run just test`. With nothing: this list.
_:
    @just --list --unsorted

# put code into the project's form, mend what can be mended
format:
    uv run ruff check --fix .
    uv run ruff format .

# what ruff has to say
lint:
    uv run ruff check .
    uv run ruff format --check .

# what the type checker has to say
types:
    uv run ty check

# the tests, or those named: just test tests/translit -k uroman
test *arguments:
    uv run pytest {{arguments}}

# the site, into build/site: its pages are in docs/
docs *arguments:
    uv run --group docs sphinx-build -W --keep-going -q -E -b html -d build/doctrees docs build/site {{arguments}}

# all that a change has to pass, from a clean checkout's point of view
gate:
    .ci/run

# the gate of a night: comparisons over all of the data, ten times as many drawn examples
nightly:
    XL_NIGHTLY=true .ci/run

# one benchmark, by hand: just bench mapping --help
bench name *arguments:
    uv run python -m tests.bench.bench_{{name}} {{arguments}}

# what surprised in other libraries, run again; all or those named
findings *names:
    #!/usr/bin/env bash
    set -eu
    for name in {{ if names == "" { "$(cd findings && ls *.sh)" } else { names } }}; do bash "findings/${name%.sh}.sh"; done
