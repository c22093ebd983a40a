#!/bin/sh
# Usage: make_lock.sh OUTDIR
# Copies this application to OUTDIR, without this script, and adds its uv.lock there.
# Made when a test needs it: a uv.lock holds the URL of the index and of each file.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mkdir -p "$1"
cp "$here/main.py" "$here/pyproject.toml" "$1"
uv --quiet lock --directory "$1"
