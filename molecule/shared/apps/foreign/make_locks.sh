#!/bin/sh
# usage: make_locks.sh INDEX: makes the lock files beside this script anew; needs uv and poetry (2.1 or later).
# INDEX is the simple API of a package index, https://mirror.example.com/simple; no lock names it afterwards.
# Each lock has an older version of something, so that an installation without the lock is seen. A uv.lock is not here: it
# holds the URL of the index and of each file; molecule/foreign/make_sources.sh makes it.
set -eu
index=$1
cd -- "$(dirname -- "$0")"

compile() {
  printf '%s\n' "$2" | uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
    --default-index "$index" --no-emit-index-url --no-emit-find-links --custom-compile-command make_locks.sh \
    --constraints - --output-file "$1.txt" "$1.in"
}
compile django/requirements 'django==4.2.20'
compile model/requirements 'starlette==0.50.0'
compile monorepo/services/api/requirements 'starlette==0.50.0'

# Locked with a pin and an index, which are taken out of the lock; the hash is that of the project without them.
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
sed 's/^fastapi = .*/fastapi = "0.115.12"/' poetry/pyproject.toml >"$work/pyproject.toml"
printf '\n[[tool.poetry.source]]\nname = "index"\nurl = "%s/"\npriority = "primary"\n' "$index" >>"$work/pyproject.toml"
poetry lock --quiet --directory "$work"
interpreter=$(sed -n '1s/^#!//p' "$(command -v poetry)")
hash=$(cd poetry && "$interpreter" -c 'from poetry.factory import Factory; print(Factory().create_poetry().locker._get_content_hash())')
sed "/^\[package.source\]/,/^$/d; s/^content-hash = .*/content-hash = \"$hash\"/" "$work/poetry.lock" >poetry/poetry.lock
poetry check --lock --quiet --directory poetry
