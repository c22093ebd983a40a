#!/usr/bin/env bash
# Builds the images of the test hosts: localhost/asgi-fleet-host:<name>, one for each argument.
#
#   build.sh SOURCE...
#
# SOURCE is a Debian suite (bookworm, trixie: built with mmdebstrap, or on top of debian where there is
# none) or an image (ubuntu:24.04: what it lacks of systemd, sshd, sudo and Python is put on top).
# An image is rebuilt when its source, these scripts or the extra CA certificates of this machine have changed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../env.sh
. "$here/../env.sh"
packages=$(grep -v '^#' "$here/packages" | tr '\n' ' ')
label=io.asgi.fleet.key
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The same rule as lab_image in molecule/shared/inventory/lab.yml
tag_of() { echo "localhost/asgi-fleet-host:$(sed 's/[^a-zA-Z0-9_.-]/-/g' <<<"$1")"; }

is_suite() { [[ $1 =~ ^[a-z]+$ ]]; }

# Where a proxy inspects TLS, the hosts need its certificate as much as this machine does.
copy_ca_certificates() {
  mkdir -p "$1"
  cp /usr/local/share/ca-certificates/*.crt "$1/" 2>/dev/null || true
}

key_of() {
  local source=$1
  {
    echo "$source"
    if ! is_suite "$source"; then podman image inspect --format '{{.Id}}' "$source"; fi
    cat "$here"/* /usr/local/share/ca-certificates/*.crt 2>/dev/null || true
  } | sha256sum | cut -c1-16
}

build_with_mmdebstrap() {
  local suite=$1 tag=$2 key=$3 context=$4
  # To a file first: `mmdebstrap | podman import` tags an empty image when mmdebstrap fails.
  # Check-Valid-Until off: the Release file of a testing suite expires within a week.
  mmdebstrap --quiet --variant=apt --include="${packages// /,}" \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook="cp $context/ca/*.crt \"\$1/usr/local/share/ca-certificates/\" 2>/dev/null || true" \
    --customize-hook="cp $here/provision.sh \"\$1/tmp/\" && chroot \"\$1\" sh /tmp/provision.sh && rm \"\$1/tmp/provision.sh\"" \
    "$suite" "$context/rootfs.tar"
  podman import --quiet --change 'CMD ["/usr/local/sbin/fleet-init"]' --change 'STOPSIGNAL SIGRTMIN+3' \
    --change 'ENV container=podman' --change "LABEL $label=$key" "$context/rootfs.tar" "$tag"
}

build_on_top_of() {
  local base=$1 tag=$2 key=$3 context=$4
  cp "$here/Containerfile" "$here/provision.sh" "$context/"
  # The docker format keeps STOPSIGNAL.
  podman build --quiet --format docker --label "$label=$key" \
    --build-arg "BASE=$base" --build-arg "PACKAGES=$packages" --tag "$tag" "$context"
}

build() {
  local source=$1 tag key have context
  tag=$(tag_of "$source")
  if ! is_suite "$source" && ! podman image exists "$source"; then podman pull --quiet "$source"; fi
  key=$(key_of "$source")
  have=$(podman image inspect --format "{{index .Labels \"$label\"}}" "$tag" 2>/dev/null || true)
  if [[ $have == "$key" ]]; then
    echo "$tag: up to date"
    return
  fi
  context=$work/${tag##*:}
  copy_ca_certificates "$context/ca"
  if ! is_suite "$source"; then
    build_on_top_of "$source" "$tag" "$key" "$context"
  elif command -v mmdebstrap >/dev/null; then
    build_with_mmdebstrap "$source" "$tag" "$key" "$context"
  else
    build_on_top_of "debian:$source" "$tag" "$key" "$context"
  fi
  echo "$tag: built"
}

# Side by side: most of the time goes into downloads.
pids=()
for source in "$@"; do
  build "$source" &
  pids+=($!)
done
status=0
for pid in "${pids[@]}"; do wait "$pid" || status=1; done
exit "$status"
