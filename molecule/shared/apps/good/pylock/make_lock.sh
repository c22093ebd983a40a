#!/bin/sh
# Usage: make_lock.sh OUTDIR
# Copies this application to OUTDIR, without this script, and adds its pylock.toml there.
# Made when a test needs it: a pylock.toml holds the URL of each file.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mkdir -p "$1"
cp "$here/main.py" "$here/pyproject.toml" "$1"
cd "$1"
uv --quiet pip compile --universal --python-version 3.11 --format pylock.toml \
    --output-file pylock.toml pyproject.toml > /dev/null
