"""Why a host could not be worked on at all, and what to do: a log-in without the way to be root.

Ansible reports these with the words of the tool that failed, behind an error of its own about an
answer that it could not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Packages of the programs that make somebody root.
_PACKAGES = {"doas": "opendoas", "su": "util-linux"}


@dataclass(frozen=True)
class Login:
    """Who logs in where, and how he becomes root.

    Attributes:
        host: The host's name in the inventory.
        user: The user of the log-in.
        method: The program that makes him root: sudo, doas, su.
        interpreter: The Python of the host.
    """

    host: str
    user: str
    method: str
    interpreter: str

    def filled(self, sentence: str) -> str:
        """Return a sentence with these names in it."""
        package = _PACKAGES.get(self.method, self.method)
        return sentence.format(
            host=self.host,
            user=self.user,
            method=self.method,
            interpreter=self.interpreter,
            package=package,
        )


_HOW_TO_GIVE_ONE = (
    "run again with -K (--ask-become-pass), or set ansible_become_password, encrypted by Ansible "
    "Vault"
)
#: What tools and Ansible say, and the sentence for it.
_REASONS = (
    (
        r"\b(?:sudo|doas|su): (?:command )?not found|/(?:sudo|doas|su): No such file",
        "{method} is not installed on {host}, so {user} cannot become root; log in as root "
        "(ansible_user: root), install it (as root: apt-get install {package}), or choose another "
        "program: ansible_become_method",
    ),
    (
        r"Missing \S+ password|a password is required",
        "{method} on {host} asks {user} for a password, and none is given; " + _HOW_TO_GIVE_ONE,
    ),
    (
        r"Incorrect \S+ password|Authentication fail(?:ed|ure)|incorrect password attempt",
        "{method} on {host} refuses the password of {user}; expected that of {user} on the host "
        "(of root, for su); " + _HOW_TO_GIVE_ONE,
    ),
    (
        r"is not in the sudoers file|may not run sudo|is not allowed to execute"
        r"|I'm sorry,? \S*|doas: Operation not permitted",
        "{method} on {host} does not allow {user} to become root; allow it there, in a file of "
        "/etc/sudoers.d (or doas.conf), or log in as another user: ansible_user",
    ),
    (
        r"must have a tty|no tty present|a terminal is required",
        "sudo on {host} allows {user} to become root only on a terminal; remove requiretty for "
        "him there (`Defaults:{user} !requiretty` in a file of /etc/sudoers.d), or set "
        "ansible_pipelining: false for this host",
    ),
    (
        r"waiting for privilege escalation prompt",
        "{method} on {host} did not ask {user} for his password in a way that this Ansible knows; "
        "where that is sudo-rs, as on Ubuntu 26.04, set ansible_become_exe: sudo.ws, or let {user} "
        "become root without a password (NOPASSWD: in a file of /etc/sudoers.d)",
    ),
    (
        r"No space left on device|Disk quota exceeded",
        "a file system of {host} is full, so Ansible cannot put its modules there: `df -h` and "
        "`df -i` on the host show which one (/tmp, or that of ~/.ansible); make room there, and "
        "run the same command again",
    ),
    (
        r"python\S*: Permission denied",
        "{interpreter} may not be run by {user} on {host}, as root; where `Defaults noexec` is set "
        "for {method}, exempt him there (`Defaults:{user} !noexec` in a file of /etc/sudoers.d); "
        "else compare its permissions, or set ansible_python_interpreter",
    ),
    (
        r"python\S*: (?:command )?not found|python\S*: No such file|can't find Python",
        "{interpreter} cannot be run on {host}; expected Python 3.10 or later; install it there as "
        "root (apt-get install python3 python3-apt), or set ansible_python_interpreter",
    ),
    (
        r"requires a minimum of Python|future feature annotations is not defined"
        r"|SyntaxError: invalid syntax",
        "{interpreter} on {host} is too old; expected Python 3.10 or later (Debian 12, Ubuntu "
        "22.04, or newer); set ansible_python_interpreter to one that is, with python3-apt",
    ),
    (
        r"This account is currently not available|nologin",
        "{user} may not log in on {host}, since its shell there is nologin; set ansible_user to "
        "one that may",
    ),
)


def explained(text: str, login: Login) -> str:
    """Return a sentence for why nothing could be run on a host; an empty text for another reason.

    Args:
        text: What Ansible or the host said.
        login: Who logged in.
    """
    for pattern, sentence in _REASONS:
        if re.search(pattern, text):
            return login.filled(sentence)
    return ""
