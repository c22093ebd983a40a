#!/usr/bin/env bash
# One virtual machine by QEMU: its own kernel, boot and firewall, and cgroup v2, which no container here has.
#
#   machine.sh build SUITE FOLDER PUBLIC-KEY            makes FOLDER/disk.img, unless the scripts are those it was made by
#   machine.sh start FOLDER SSH-PORT HTTPS-PORT PORT    boots it, with a throw-away disk; its ports 22, 443 and 9000 are
#                                                       those of this machine's loopback
#   machine.sh stop FOLDER
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
common=$here/../shared/image/packages

packages() {
  { grep -v '^#' "$common" | tr '\n' ','; } && echo "linux-image-cloud-amd64,initramfs-tools,zstd,systemd-resolved,udev,apparmor,logrotate"
}

# Where a proxy inspects TLS, the machine needs its certificate as much as this one does.
provision() {
  cat <<'SCRIPT'
#!/bin/sh
set -eu
# Before the host keys are made anew, at the first boot.
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id
echo fleet-vm >/etc/hostname
echo '/dev/vda / ext4 defaults 0 1' >/etc/fstab
printf '[Match]\nName=e*\n[Network]\nDHCP=yes\n' >/etc/systemd/network/80-dhcp.network
cat >/etc/systemd/system/fleet-hostkeys.service <<'UNIT'
[Unit]
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --quiet systemd-networkd ssh fleet-hostkeys
# They would take the processor in the middle of a measurement.
for unit in apt-daily.timer apt-daily-upgrade.timer systemd-networkd-wait-online.service e2scrub_reap.service; do
  ln -sf /dev/null "/etc/systemd/system/$unit"
done
if ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then
  update-ca-certificates >/dev/null 2>&1
  bundle=/etc/ssl/certs/ca-certificates.crt
  printf '%s\n' "SSL_CERT_FILE=$bundle" "PIP_CERT=$bundle" "REQUESTS_CA_BUNDLE=$bundle" >>/etc/environment
fi
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
SCRIPT
}

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else fakeroot "$@"; fi
}

build() {
  local suite=$1 folder=$2 key=$3 made_by
  made_by=$({ echo "$suite"; cat "$here/machine.sh" "$common" "$key" /usr/local/share/ca-certificates/*.crt 2>/dev/null || true; } | sha256sum)
  if [[ -e $folder/disk.img && $(cat "$folder/made-by" 2>/dev/null) == "$made_by" ]]; then
    echo "disk: up to date"
    return
  fi
  mkdir -p "$folder"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  provision >"$work/provision.sh"
  mkdir "$work/ca"
  cp /usr/local/share/ca-certificates/*.crt "$work/ca/" 2>/dev/null || true
  # Check-Valid-Until off: the Release file of a testing suite expires within a week.
  mmdebstrap --quiet --variant=apt --include="$(packages)" --aptopt='Acquire::Check-Valid-Until "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="cp $work/ca/*.crt \"\$1/usr/local/share/ca-certificates/\" 2>/dev/null || true" \
    --customize-hook="cp $work/provision.sh \"\$1/tmp/\" && chroot \"\$1\" sh /tmp/provision.sh && rm \"\$1/tmp/provision.sh\"" \
    --customize-hook="mkdir -p \"\$1/root/.ssh\" && cp $key \"\$1/root/.ssh/authorized_keys\"" \
    "$suite" "$work/root.tar"
  mkdir "$work/root"
  rm -f "$folder/disk.img"
  as_root bash -c "tar --directory $work/root --extract --file $work/root.tar
    PATH=\$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -L root -d $work/root $folder/disk.img 6G"
  cp "$work"/root/boot/vmlinuz-* "$folder/kernel"
  cp "$work"/root/boot/initrd.img-* "$folder/initrd"
  echo "$made_by" >"$folder/made-by"
  echo "disk: built"
}

# Where the processor cannot, /dev/kvm may be there all the same, and fail.
accelerator() {
  if grep -qE '\b(vmx|svm)\b' /proc/cpuinfo && [[ -w /dev/kvm ]]; then echo kvm; else echo tcg,thread=multi,tb-size=512; fi
}

start() {
  local folder=$1 ssh=$2 https=$3 other=$4 loopback=127.0.0.1 processor=max
  [[ $(accelerator) != kvm ]] || processor=host
  # `exec`, and all of them closed: what starts it waits for nothing.
  setsid qemu-system-x86_64 -machine q35 -accel "$(accelerator)" -cpu "$processor" -smp 2 -m 2048 \
    -kernel "$folder/kernel" -initrd "$folder/initrd" \
    -append "root=/dev/vda rw console=ttyS0 quiet systemd.show_status=0" \
    -drive "file=$folder/disk.img,if=virtio,format=raw,snapshot=on" -device virtio-rng-pci \
    -netdev "user,id=n0,hostfwd=tcp:$loopback:$ssh-:22,hostfwd=tcp:$loopback:$https-:443,hostfwd=tcp:$loopback:$other-:9000" \
    -device virtio-net-pci,netdev=n0 \
    -display none -monitor none -serial "file:$folder/console.log" -pidfile "$folder/pid" \
    </dev/null >"$folder/qemu.log" 2>&1 &
  echo "booting, by $(accelerator)"
}

stop() {
  local folder=$1 pid
  [[ -e $folder/pid ]] || return 0
  pid=$(cat "$folder/pid")
  # Its number may be someone else's by now.
  if grep --quiet --text qemu-system "/proc/$pid/cmdline" 2>/dev/null; then kill "$pid"; fi
  rm -f "$folder/pid"
}

case ${1:-} in
build | start | stop) "$@" ;;
*)
  sed -n '2,8p' "${BASH_SOURCE[0]}" >&2
  exit 2
  ;;
esac
