#!/bin/sh
# usage: make_sources.sh APPS OUT: makes what the repository cannot hold of the applications in APPS: git repositories, and
# folders with a uv.lock, which has the URL of the index in it.
set -eu
apps=$1 out=$2
rm -rf "$out"
mkdir -p "$out"

commit() {
  git -C "$1" add --all
  git -C "$1" -c user.name=test -c user.email=test@example.com commit -q --allow-empty -m "$2"
}
for name in workspace factory monorepo; do
  cp -r "$apps/$name" "$out/$name"
  git -C "$out/$name" init -q -b main
  commit "$out/$name" first
done

# The locks have older versions than an installation without them would.
uv --quiet lock --directory "$out/workspace" -P fastapi==0.115.12 -P sqlalchemy==2.0.50 -P markupsafe==3.0.2
commit "$out/workspace" lock

# The version is that of the tag, though there is a later commit.
uv --quiet lock --directory "$out/factory" -P starlette==0.50.0
commit "$out/factory" lock
git -C "$out/factory" tag v1.4.0
commit "$out/factory" later

# As tools for repositories of many projects name tags
git -C "$out/monorepo" tag api@2.1.0
touch "$out/complete"
