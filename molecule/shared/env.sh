# shellcheck shell=bash
# For a shell in which podman is used by hand (`. molecule/shared/env.sh`); the playbooks do the same by themselves.
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  CONTAINERS_CONF="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/containers-cgroup-v1.conf"
  export CONTAINERS_CONF
fi
