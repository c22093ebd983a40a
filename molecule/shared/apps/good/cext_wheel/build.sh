#!/bin/sh
# Usage: build.sh OUTDIR
# Builds the wheel into OUTDIR, on the controller (needs gcc and Python's headers).
# From a copy: setuptools leaves build/ and *.egg-info beside the sources.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mkdir -p "$1"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R "$here/pyproject.toml" "$here/src" "$copy"
uv --quiet build --wheel --no-create-gitignore --out-dir "$1" "$copy"
