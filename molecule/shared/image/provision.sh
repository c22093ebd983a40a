#!/bin/sh
# Runs inside an image: turns it into a host that boots systemd in a container and takes Ansible over SSH.
set -eu

# Units that cannot work in a container, or that only cost boot time and inotify instances (128 for all hosts together).
for unit in systemd-modules-load.service systemd-udevd.service systemd-udev-trigger.service \
  systemd-udevd-control.socket systemd-udevd-kernel.socket sys-kernel-debug.mount sys-kernel-tracing.mount \
  sys-kernel-config.mount sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount \
  systemd-remount-fs.service getty.target console-getty.service systemd-networkd-wait-online.service \
  systemd-firstboot.service apt-daily.timer apt-daily-upgrade.timer systemd-ask-password-console.path \
  systemd-ask-password-wall.path proc-sys-fs-binfmt_misc.automount; do
  ln -sf /dev/null "/etc/systemd/system/$unit"
done

# The vendor's sysctl files would set kernel.* of the machine below from a privileged container.
mkdir -p /etc/sysctl.d
ln -sf /dev/null /etc/sysctl.d/50-default.conf
ln -sf /dev/null /etc/sysctl.d/50-pid-max.conf

# Podman leaves / private; LoadCredential= and the propagation of mounts need it shared.
cat >/etc/systemd/system/fleet-rshared.service <<'UNIT'
[Unit]
DefaultDependencies=no
Before=sysinit.target systemd-journald.service
[Service]
Type=oneshot
ExecStart=-/bin/mount --make-rshared /
[Install]
WantedBy=sysinit.target
UNIT

# Podman bind-mounts these three files, and a bind mount cannot be renamed over: Ansible's atomic writes fail (EBUSY).
cat >/usr/local/sbin/fleet-unbind <<'SCRIPT'
#!/bin/sh
for f in hosts hostname resolv.conf; do
  grep -q " /etc/$f " /proc/self/mounts || continue
  cp "/etc/$f" "/run/fleet-$f" && umount "/etc/$f" || continue
  [ -e "/etc/.fleet-unbound-$f" ] || { rm -f "/etc/$f"; cp "/run/fleet-$f" "/etc/$f"; touch "/etc/.fleet-unbound-$f"; }
done
hostname "$(cat /etc/hostname)"
SCRIPT
chmod 0755 /usr/local/sbin/fleet-unbind
cat >/etc/systemd/system/fleet-unbind.service <<'UNIT'
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=-/usr/local/sbin/fleet-unbind
[Install]
WantedBy=sysinit.target
UNIT

# systemd 258 and later refuses cgroup v1: give it the v2 tree of a hybrid machine (which has no controllers there).
cat >/usr/local/sbin/fleet-init <<'SCRIPT'
#!/bin/sh
version=$(/usr/lib/systemd/systemd --version 2>/dev/null | sed -n '1s/systemd \([0-9]*\).*/\1/p')
if [ "${version:-0}" -ge 258 ] && [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
  umount -R /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
exec /sbin/init
SCRIPT
chmod 0755 /usr/local/sbin/fleet-init

# Host keys are made at the first boot, not shared by every host of an image.
rm -f /etc/ssh/ssh_host_*
cat >/etc/systemd/system/fleet-hostkeys.service <<'UNIT'
[Unit]
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
[Install]
WantedBy=multi-user.target
UNIT
mkdir -p /etc/ssh/sshd_config.d
printf '%s\n' 'UseDNS no' 'PermitRootLogin prohibit-password' 'HostKey /etc/ssh/ssh_host_ed25519_key' \
  >/etc/ssh/sshd_config.d/fleet.conf

# Ubuntu starts sshd by its socket, before the host key above exists: the service alone, on every release.
ln -sf /dev/null /etc/systemd/system/ssh.socket
enable() {
  mkdir -p "/etc/systemd/system/$2.wants"
  ln -sf "$1" "/etc/systemd/system/$2.wants/"
}
enable /etc/systemd/system/fleet-rshared.service sysinit.target
enable /etc/systemd/system/fleet-unbind.service sysinit.target
enable /etc/systemd/system/fleet-hostkeys.service multi-user.target
enable /lib/systemd/system/ssh.service multi-user.target
ln -sf /lib/systemd/system/multi-user.target /etc/systemd/system/default.target

mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=persistent\nForwardToConsole=no\n' >/etc/systemd/journald.conf.d/fleet.conf

# Only where the machine that builds trusts further authorities: uv and requests look nowhere else without being told.
if ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then
  update-ca-certificates >/dev/null 2>&1
  bundle=/etc/ssl/certs/ca-certificates.crt
  printf '%s\n' "SSL_CERT_FILE=$bundle" "PIP_CERT=$bundle" "REQUESTS_CA_BUNDLE=$bundle" UV_SYSTEM_CERTS=true \
    >>/etc/environment
  mkdir -p /etc/systemd/system.conf.d
  printf '[Manager]\nDefaultEnvironment=SSL_CERT_FILE=%s\n' "$bundle" >/etc/systemd/system.conf.d/fleet.conf
fi

# A privileged container shares the kernel's clock with the machine that it runs on, and setting a timezone is enough to
# move it: the first settimeofday(2) with a timezone shifts the clock by the zone's offset. Nothing in here may do so.
mkdir -p /etc/systemd/system.conf.d
printf '[Manager]\nCapabilityBoundingSet=~CAP_SYS_TIME\n' >/etc/systemd/system.conf.d/fleet-clock.conf

: >/etc/machine-id
rm -f /var/lib/dbus/machine-id
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
