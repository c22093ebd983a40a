#!/bin/sh
# usage: make_sources.sh APPS OUT: makes a git repository, archives, locked folders and a wheel of applications in APPS.
set -eu
apps=$1 out=$2
rm -rf "$out"
mkdir -p "$out/hashed.git"

cp -r "$apps/requirements_hashed/." "$out/hashed.git"
git -C "$out/hashed.git" init -q -b main
git -C "$out/hashed.git" add -A
git -C "$out/hashed.git" -c user.name=test -c user.email=test@example.com commit -q -m first

tar -C "$apps" -czf "$out/package.tar.gz" pyproject_package
sha256sum <"$out/package.tar.gz" | cut -d' ' -f1 >"$out/package.sha256"

# Without a top folder, and as a zip
(cd "$apps/pyproject_deps" && python3 -m zipfile -c "$out/deps.zip" ./*)
sha256sum <"$out/deps.zip" | cut -d' ' -f1 >"$out/deps.sha256"

"$apps/uvlock/make_lock.sh" "$out/uvlock"
"$apps/pylock/make_lock.sh" "$out/pylock"
"$apps/cext_wheel/build.sh" "$out"
touch "$out/complete"
