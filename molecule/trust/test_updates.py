"""What a host needs: security updates, a start on what they replaced, memory.

Before, `status` and `verify` said nothing of any of it, and a patched library stayed unused: the
asserts fail against the playbooks and modules of 651b5c5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from events import Shop

HOST = "trust-trixie"

#: An archive of security updates, on the host itself, with a newer version of a package that is
#: installed; its name is one of nginx's, which unattended upgrades leave out.
ARCHIVE = r"""
set -eu
rm -rf /srv/fleet-archive && mkdir -p /srv/fleet-archive && cd /srv/fleet-archive
for version in 1.0 1.1; do
    mkdir -p build/DEBIAN
    printf '%s\n' 'Package: nginx-fleet-canary' "Version: $version" 'Architecture: all' \
        'Maintainer: nobody <nobody@example.com>' 'Description: a stand-in' > build/DEBIAN/control
    dpkg-deb --build build "canary_$version.deb" > /dev/null
done
dpkg --install canary_1.0.deb > /dev/null
{ cat build/DEBIAN/control
  echo "Filename: ./canary_1.1.deb"
  echo "Size: $(stat --format=%s canary_1.1.deb)"
  echo "SHA256: $(sha256sum canary_1.1.deb | cut -d' ' -f1)"; } > Packages
{ echo 'Label: Fleet-Security'
  echo 'Suite: test-security'
  echo "Date: $(date --utc --rfc-email)"
  echo 'SHA256:'
  echo " $(sha256sum Packages | cut -d' ' -f1) $(stat --format=%s Packages) Packages"; } > Release
echo 'deb [trusted=yes] file:/srv/fleet-archive ./' > /etc/apt/sources.list.d/fleet-archive.list
apt-get update --quiet --quiet -o Dir::Etc::sourcelist=sources.list.d/fleet-archive.list \
    -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0
"""
#: A library of OpenSSL as an update leaves it: the same name, and another file.
REPLACE = r"""
library=$(ldconfig -p | sed -n 's/.*libssl.so.3 .*=> //p' | head -1)
cp --preserve "$library" "$library.new" && mv "$library.new" "$library"
"""
CLEAN = """
dpkg --purge nginx-fleet-canary 2> /dev/null
cd /etc/apt/sources.list.d && rm -rf /srv/fleet-archive fleet-archive.list
rm -f /var/lib/apt/lists/*fleet-archive*
"""
WAITS = "security updates wait: nginx-fleet-canary 1.0 -> 1.1"


@pytest.fixture
def archive(shop: Shop) -> Iterator[None]:
    """A security update waits on the host."""
    shop.shell(ARCHIVE, HOST)
    yield
    shop.shell(CLEAN, HOST, check=False)


@pytest.mark.usefixtures("archive")
def test_security_update_that_waits_is_told_of_and_installed(shop: Shop) -> None:
    shop.shell(REPLACE, HOST)
    told = shop.play("verify", limit=HOST).stdout
    assert f"- {HOST}: {WAITS}; to do: run ansible-playbook playbooks/patch.yml" in told
    assert f"- {HOST}: nginx.service still runs on replaced files: libssl.so.3; to do: " in told

    shop.succeed("patch", limit=HOST, patch_reboot="never")
    assert shop.shell("dpkg-query -W -f '${Version}' nginx-fleet-canary", HOST) == "1.1"
    file = shop.folder / "status.json"
    shop.succeed("status", limit=HOST, status_file=str(file), status_drift=False)
    after = json.loads(file.read_text(encoding="utf-8"))["hosts"][HOST]
    assert (after["updates"]["waiting"], after["outdated"]) == ([], {})
    assert after["health"] == 200


#: A process of the unit's own control group takes more than its limit, which is lowered for it.
GREED = r"""
group=$(systemctl show --property=ControlGroup --value {unit})
cd /sys/fs/cgroup/memory$group 2> /dev/null || cd /sys/fs/cgroup$group
limit=$(ls memory.limit_in_bytes memory.max 2> /dev/null)
before=$(cat $limit)
echo 256M > $limit
sh -c "echo \$\$ > cgroup.procs; exec python3 -c 'bytearray(400 << 20)'"
echo $before > $limit
"""


def test_worker_that_was_killed_for_lack_of_memory_is_told_of(shop: Shop) -> None:
    # A slot without kills that another test has left.
    shop.succeed("restart", limit=HOST, fleet_soak_seconds=0)
    shop.succeed("verify", limit=HOST)
    unit = f"shop@{shop.live(HOST).split()[0]}.service"
    shop.shell(GREED.replace("{unit}", unit), HOST)
    told = shop.play("verify", limit=HOST)
    assert told.returncode != 0
    assert f"{HOST}: the kernel killed 1 process of {unit} for lack of memory" in told.stdout
    assert "to do: raise app_worker_memory_mb or lower app_workers" in told.stdout

    # What was done about it starts the other slot, and with it a count of its own.
    shop.succeed("restart", limit=HOST, fleet_soak_seconds=0)
    shop.succeed("verify", limit=HOST)
