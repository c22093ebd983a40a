"""One of the odd hosts, by itself: playbooks are limited to it.

    def test_something(hard: Odd) -> None:
        hard.shell("echo a script, as root")
        hard.succeed("release", app_env={"COLOUR": "red"})  # playbooks/release.yml, extra variables
        hard.succeed("../deploy")

Nothing is deployed at first. A test brings its own application (`app_name`) where another test of
the same host must not see it.
"""

from __future__ import annotations

from pathlib import Path

from events import Shop


class Odd(Shop):
    """A host, and the operator at the controller."""

    @classmethod
    def alone(cls, folder: Path, host: str) -> Odd:
        """Return a host of the inventory, to which nothing has been deployed."""
        odd = cls.connected(folder, Path(__file__).parent / "inventory", host)
        odd.ssh = {host: odd.ssh[host]}
        return odd

    @property
    def name(self) -> str:
        """Its name in the inventory."""
        return self.hosts[0]

    def command(self, playbook: str, **extra: object) -> list[str]:
        """The command line of a playbook, for this host only."""
        return super().command(playbook, **{"limit": self.name, **extra})

    def refused(self, playbook: str, *told: str, **extra: object) -> str:
        """Run a playbook that must be refused with these texts; return what was printed."""
        result = self.play(playbook, **extra)
        assert result.returncode != 0, result.stdout[-6000:]
        # Long lines are wrapped, in the middle of a sentence.
        said = " ".join(result.stdout.split())
        for text in told:
            assert text in said, f"{text!r} is not in:\n{result.stdout[-6000:]}"
        return result.stdout
