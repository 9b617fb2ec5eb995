#!/usr/bin/env bash
# A Ray of this machine (`ray.init()`), begun by a program that was called through `uv run`.
#
# One would guess: what runs here runs in the environment that it was called from, whether as `python` or `uv run python`.
# What happens: Ray looks at its parent processes, finds `uv run`, packs the current folder, unpacks it elsewhere and has
#   each worker begin by the same `uv run` in that copy: a worker's current folder is not the caller's, and what the
#   program writes beside itself is not where workers look for it. Where the project lies in another folder
#   (`uv run --project P --directory D`), ray.init() raises RuntimeError. RAY_ENABLE_UV_RUN_RUNTIME_ENV=0 ends it.
# Hurt: whoever calls a tool that works on Ray by `uv run` beside large corpora: each start packs them (and is refused from
#   half a gigabyte on), relative paths lead elsewhere in workers.
# xl: sets that variable for a Ray of its own; with RAY_ADDRESS it leaves the choice to the user.
# Seen with: ray 2.60.0, Python 3.11.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
mkdir project elsewhere
cat > project/pyproject.toml <<'TOML'
[project]
name = "caller"
version = "1"
requires-python = ">=3.11"
dependencies = ["ray==2.60.0"]
TOML
cat > project/where.py <<'PY'
import os

import ray

try:
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    there = ray.get(ray.remote(lambda: os.getcwd()).remote())
    packed = "working_dir" in ray.get_runtime_context().runtime_env
    print("packed" if packed else "as it is", "same folder" if there == os.getcwd() else "another folder", sep=", ")
except RuntimeError as error:
    print("RuntimeError:", "not in the working_dir" if "working_dir" in str(error) else error)
PY
cd project
uv sync -q --python 3.11
seen() {
    found=$("${@:2}" 2> "$tmp/said" | tail -1)
    printf '%s: %s\n' "${*:2}" "$found"
    [ "$found" = "$1" ] || { echo "it does otherwise now; expected: $1"; tail -5 "$tmp/said"; exit 1; }
}
seen "as it is, same folder" .venv/bin/python where.py
seen "packed, another folder" uv run python where.py
seen "as it is, same folder" env RAY_ENABLE_UV_RUN_RUNTIME_ENV=0 uv run python where.py
cd ../elsewhere
seen "RuntimeError: not in the working_dir" uv run --project ../project --directory . python ../project/where.py
