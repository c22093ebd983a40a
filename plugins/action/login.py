"""Has an account that operates a host, and proves it before the rest is closed; see the module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry import contact, first_login
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.coming_back import ComingBack

MODULE = "asgi.fleet.login"
UNDO_SECONDS = 60
#: Before all that users have set, as for a new connection. A password that was given is root's: it
#: is not tried for another account, and a guess would count as an attack (fail2ban).
BY_KEY = (
    "-o PreferredAuthentications=publickey -o PasswordAuthentication=no"
    " -o KbdInteractiveAuthentication=no"
)
#: Whether this is root, and whether there is a Python.
LOOK = "id -u; command -v python3 || :"
#: cloud-init and unattended upgrades use apt on a fresh host.
INSTALL_PYTHON = (
    "export DEBIAN_FRONTEND=noninteractive; apt-get -o DPkg::Lock::Timeout=300 update; "
    "apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends python3 python3-apt"
)


class ActionModule(ComingBack):
    """Takes the steps of the module, as one account and then as the other."""

    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what was done, failed if the account does not get in."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        given = dict(self._task.args)
        self._user = str(given["user"])
        self._way = self._found_way(str(given.get("login") or "root"))
        if given.get("state") == "found":
            return result | self._find()
        return result | self._have(given)

    def _find(self) -> dict[str, Any]:
        """Return who gets in as root, and whether there is a Python."""
        said = ""
        for user, by_key in ((self._user, True), (self._way.login, False)):
            found, said = self._look(user, by_key=by_key)
            if found is not None:
                return self._with_python(user, found)
            if not first_login.is_about_the_account(said):
                break
        return {"failed": True, "msg": printable(first_login.explained(said, self._way))}

    def _look(self, user: str, *, by_key: bool) -> tuple[bool | None, str]:
        """Log in as an account, and become root.

        Returns:
            Whether there is a Python, or None if the account does not get in; and what was said.
        """
        with self._as(user, by_key=by_key):
            try:
                looked = self._low_level_execute_command(LOOK, executable="/bin/sh")
            except AnsibleError as error:
                return None, str(error)
        said = f"{looked['stderr']}\n{looked['stdout']}"
        lines = looked["stdout"].split()
        if looked["rc"] != 0 or lines[:1] != ["0"]:
            sentence = contact.explained(said, self._login(user))
            return None, sentence or said
        return len(lines) > 1, said

    def _with_python(self, user: str, there: bool) -> dict[str, Any]:
        found = {"changed": not there, "user": user, "python": there, "lines": []}
        if there:
            return found
        line = "install python3, which Ansible's modules need"
        if self._task.check_mode:
            return found | {"lines": [f"{line}; what follows cannot be foreseen before that"]}
        with self._as(user, by_key=user == self._user):
            installed = self._low_level_execute_command(INSTALL_PYTHON, executable="/bin/sh")
        if installed["rc"] != 0:
            told = printable(installed["stderr"][-1000:].strip())
            return {
                "failed": True,
                "msg": f"{self._way.host} has no Python, and apt-get does not install it: {told}",
            }
        return found | {"python": True, "lines": [line]}

    def _have(self, given: dict[str, Any]) -> dict[str, Any]:
        """Open the host, prove that, close it, and prove that again."""
        wanted = {name: value for name, value in given.items() if name not in ("state", "login")}
        login = self._way.login
        with self._as(login, by_key=login == self._user):
            opened = self._step("opened", wanted)
        if opened.get("failed") or self._task.check_mode:
            closing = opened.pop("closing", [])
            lines = [*opened.get("lines", []), *closing]
            return opened | {"lines": lines, "changed": bool(lines), "user": login}
        closed = self._closed(wanted)
        if closed.get("failed"):
            return closed | {"changed": True}
        lines = [*opened["lines"], *closed["lines"]]
        if closed["lines"]:
            lines += self._tried_again(given)
        return {"changed": bool(opened["lines"] or closed["lines"]), "lines": lines, "user": login}

    def _closed(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Close the host as the account, over a connection of its own: the first proof."""
        seconds = int(wanted.get("undo_seconds") or UNDO_SECONDS)
        with self._as(self._user, by_key=True, without_password=True):
            try:
                with self.new_connection():
                    closed = self._step("closed", wanted)
            except AnsibleConnectionFailure as error:
                said = str(error)
                if first_login.is_denied(said):
                    return self._unproven(said)
                # It may have closed before the connection was lost.
                closed = {"undo": True, "lines": []}
            except AnsibleError as error:
                return self._unproven(str(error))
            if closed.get("failed"):
                told = contact.explained(
                    str(closed.get("module_stderr", "")), self._login(self._user)
                )
                return self._unproven(told) if told else closed
            if not closed.get("undo"):
                return closed
            why = self.prove(seconds, lambda: self._step("kept", {"user": self._user}))
        if not why:
            return closed
        return {
            "failed": True,
            "msg": f"{self._user} did not come back to {self._way.host} within {seconds} seconds "
            f"after it was closed: {printable(why)}; {self._way.login} gets in as before, and "
            f"{self._user} has its account; run the same command again",
        }

    def _unproven(self, said: str) -> dict[str, Any]:
        return {
            "failed": True,
            "msg": f"{self._user} has its account on {self._way.host}, but does not get in over a "
            f"new connection, by a key and with sudo: {printable(' '.join(said.split()))}; nothing "
            f"was closed, and {self._way.login} gets in as before; expected a key of this machine "
            f"among bootstrap_keys; try it: {self._way.ssh(self._user)} sudo -n true",
        }

    def _tried_again(self, given: dict[str, Any]) -> list[str]:
        """Return what came of the proofs, and of the way that is closed."""
        lines = [f"{self._user} came back over a new connection, by a key, with sudo"]
        login = self._way.login
        if login == self._user:
            return lines
        with self._as(login, by_key=False):
            # What is open already would stay so.
            self._connection.reset()
            try:
                with self.new_connection():
                    self._low_level_execute_command("id -u", sudoable=False)
            except AnsibleError:
                return [*lines, f"{login} was tried, and is refused"]
        if login == "root" and given.get("close_root", True):
            return [*lines, "root was tried, AND STILL GETS IN: is another sshd running?"]
        return [*lines, f"{login} still gets in"]

    @contextmanager
    def _as(self, user: str, *, by_key: bool, without_password: bool = False) -> Iterator[None]:
        """Have calls log in as an account; `without_password` is about sudo's."""
        connection, become = self._connection, self._connection.become
        names = ("remote_user", "ssh_args", "reconnection_retries")
        before = {name: connection.get_option(name) for name in names}
        password = become.get_option("become_pass") if become else None
        folder = connection._shell.tmpdir
        connection.set_option("remote_user", user)
        if by_key:
            connection.set_option("ssh_args", f"{BY_KEY} {before['ssh_args'] or ''}")
        # Each attempt of a log-in counts, for those who watch for attacks.
        connection.set_option("reconnection_retries", 0)
        connection._shell.tmpdir = None
        if become and without_password:
            become.set_option("become_pass", None)
        self._forget_sudo()
        connection.close()
        try:
            yield
        finally:
            for name, value in before.items():
                connection.set_option(name, value)
            if become and without_password:
                become.set_option("become_pass", password)
            connection._shell.tmpdir = folder
            self._forget_sudo()
            connection.close()

    def _forget_sudo(self) -> None:
        """Forget what the last command waited for: as root, no sudo answers."""
        if become := self._connection.become:
            become.prompt = become.success = ""

    def _step(self, state: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=MODULE,
            module_args={**arguments, "state": state},
            task_vars=self._task_vars,
        )
        return answer

    def _found_way(self, login: str) -> first_login.Way:
        option = self._connection.get_option
        host = str(self._task_vars.get("inventory_hostname", "the host"))
        return first_login.Way(
            host=host,
            address=str(option("host") or host),
            port=int(option("port") or 22),
            user=self._user,
            login=login,
            has_password=bool(option("password") or self._play_context.password),
        )

    def _login(self, user: str) -> contact.Login:
        interpreter = str(self._task_vars.get("ansible_python_interpreter", "/usr/bin/python3"))
        return contact.Login(self._way.host, user, "sudo", interpreter)
