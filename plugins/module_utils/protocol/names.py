"""Names that no application may have, on the controller and on a host."""

from __future__ import annotations

#: What the roles themselves use on a host, perhaps only after an application has claimed the name.
#: Whatever else a host has already is found on the host itself (`application/provenance.py`).
OWN_NAMES = (
    *("asgi-fleet", "uv", "nginx", "haproxy", "keepalived", "ufw", "unattended-upgrades"),
    # Logs of nginx itself, beside those of its sites.
    *("access", "error"),
)

#: Whose the names are by which people log in.
OPERATORS = "the account by which operators log in"
#: What a distribution, or what is often installed beside an application, has or will have: the
#: name of its folders in /etc, /var/lib and /var/cache, of its account or of its unit. Not
#: everything of it is on every host, so that a look at the host alone would miss it.
_SYSTEM = {
    "the distribution": (
        *("alternatives", "apparmor", "apt", "binfmt", "ca-certificates", "console-setup", "cron"),
        *("dbus", "debconf", "default", "dhcp", "dpkg", "emacs", "fonts", "fstab", "gss", "init"),
        *("initramfs-tools", "iproute2", "iptables", "kernel", "ldap", "local", "locale"),
        *("logrotate", "lvm", "machine-id", "mdadm", "misc", "modprobe", "modules", "network"),
        *("networkd", "networking", "networks", "nftables", "opt", "pam", "perl", "polkit"),
        "private",
        *("profile", "python", "python3", "rsyslog", "security", "selinux", "service", "shells"),
        *("skel", "ssh", "sshd", "ssl", "sudo", "sudoers", "sysctl", "systemd", "terminfo"),
        *("timezone", "tmpfiles", "udev", "update-manager", "update-notifier", "usb-modeswitch"),
        *("user", "vim", "xdg"),
    ),
    "the boot loader or the cloud": (
        *("cloud", "cloud-init", "dracut", "efi", "grub", "grub2", "multipath", "netplan"),
        *("plymouth", "waagent", "walinuxagent", "google-guest-agent", "amazon-ssm-agent"),
    ),
    "an account of the distribution": (
        *("adm", "backup", "bin", "crontab", "daemon", "games", "irc", "list", "lp", "mail"),
        *("man", "messagebus", "news", "nobody", "nogroup", "operator", "proxy", "root", "shadow"),
        *("staff", "sync", "sys", "syslog", "tty", "users", "uucp", "www-data"),
    ),
    OPERATORS: (*("ansible", "cloud-user", "debian", "deploy", "ec2-user", "ubuntu", "vagrant"),),
    "a service that is often installed beside an application": (
        *("apache", "apache2", "bind", "bind9", "caddy", "certbot", "chrony", "clamav"),
        *("containerd", "containers", "coredns", "couchdb", "cups", "dnsmasq", "docker"),
        *("dovecot", "elasticsearch", "etcd", "exim4", "fail2ban", "firewalld", "git"),
        *("gitlab", "grafana", "httpd", "influxdb", "jenkins", "kafka", "kibana", "kubelet"),
        *("kubernetes", "letsencrypt", "libvirt", "lxc", "lxd", "mariadb", "memcached"),
        *("mongod", "mongodb", "mosquitto", "munin", "mysql", "nagios", "named", "nats", "netdata"),
        *("nfs", "nodejs", "ntp", "ntpsec", "opensearch", "openvpn", "php", "podman", "postfix"),
        *("postgres", "postgresql", "prometheus", "puppet", "rabbitmq", "redis", "rsync", "ruby"),
        *("salt", "samba", "snap", "snapd", "squid", "strongswan", "stunnel4", "supervisor"),
        *("tomcat", "tor", "traefik", "unbound", "uwsgi", "valkey", "varnish", "wireguard"),
        *("zabbix", "zookeeper"),
    ),
}
SYSTEM_NAMES = {name: owner for owner, names in _SYSTEM.items() for name in names}
