"""`asgi-fleet init`: five questions, an inventory that passes the check, and what to type next."""

from __future__ import annotations

import getpass
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from asgi_fleet import places
from asgi_fleet.line import QUIET, Line

if TYPE_CHECKING:
    from asgi_fleet.inventory import Answers, Host
    from asgi_fleet.project import Found

T = TypeVar("T")

HELP = """Ask five questions, and write an inventory that passes the check.

\b
- where the application comes from
- what it is called
- its hosts
- who logs in there
- what visitors type

Each question has a default where one can be found: in the folder, its pyproject.toml, its
repository, and the settings of ssh. The module is found in [tool.fastapi] of pyproject.toml, or in
the usual files. No host is contacted.
"""

#: What is no folder: `https://...`, or `git@host:...` as ssh has it.
_URL = re.compile(r"[a-z+]+://|[\w.-]+@[\w.-]+:")
_SEPARATORS = re.compile(r"[\s,]+")
_USER = re.compile(r"\w[\w.@\\-]*")


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=HELP,
    short_help="Ask five questions, and write an inventory",
    epilog=f"Writes hosts.yml and group_vars/app.yml into {places.INVENTORY}, or where -i says.",
)
@click.option("--source", help="A git URL, or a folder of this machine.", metavar="URL|PATH")
@click.option("--name", help="Of the application: its units, folders and account.")
@click.option("--host", help="[USER@]ADDRESS[:PORT], or several with commas.", metavar="HOSTS")
@click.option("--user", help="Who logs in to the hosts.")
@click.option("--domain", help="What visitors type; several with commas.", metavar="NAMES")
@click.option("--version", help="Of a git URL: a tag, a branch or a commit.", metavar="REVISION")
@click.option("--module", help="package.module:attribute, if it is not found.")
@click.option(
    "--inventory", "-i", default=places.INVENTORY, type=click.Path(), help="The folder to write."
)
@click.option("--yes", "-y", is_flag=True, help="Ask nothing: take what is given and found.")
def init(**given: object) -> None:
    """Ask, write the inventory, and have it checked."""
    copy = places.Copy.found()
    places.make_importable(copy)
    from asgi_fleet import inventory  # It and what it needs take half a second.

    folder = Path(str(given["inventory"]))
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise click.UsageError(
            f"{folder} is there already; expected a folder to make; choose another one with -i, or "
            "edit its files"
        )
    texts = {name: str(value or "") for name, value in given.items()}
    answers = answered(texts, bool(given["yes"]))
    written = inventory.files(answers, folder)
    inventory.write(written, folder)
    if answers.module:
        click.echo(f"serves {answers.module}; it {answers.note}")
    for name in written:
        click.echo(f"wrote {folder / name}")
    sys.exit(finish(folder, answers, copy))


def answered(given: dict[str, str], yes: bool) -> Answers:
    """Return the answers: what is given, and for the rest what is asked.

    Args:
        given: By the name of the option; empty for what is not given.
        yes: Whether to take the defaults instead of asking.
    """
    from asgi_fleet import inventory, project

    def ask(option: str, question: str, default: str, read: Callable[[str], T]) -> T:
        text = given[option] or (default if yes else "")
        if not text and yes:
            raise click.UsageError(
                f"--{option} is not given, and nothing tells it; expected an answer to: "
                f"{question}; add --{option}"
            )
        if text:
            return read(text)
        answer: T = click.prompt(question, default=default or None, value_proc=read)
        return answer

    here = project.look(Path.cwd())
    default = here.source.get("url") or here.source.get("path") or ""
    found = ask(
        "source",
        "Where does the application come from? A git URL, or a folder",
        default,
        lambda text: _source(text, given["version"], here),
    )
    named = found.name or project.app_name(Path.cwd().name)
    name = ask("name", "What is it called?", named, _valid("app_name"))
    hosts = ask("host", "Which hosts? [user@]address[:port], several with commas", "", _hosts)
    user = ask("user", "Who logs in there?", _usual_user(hosts), _user)
    domains = ask(
        "domain",
        "What do visitors type? A name that leads there, or the address of the host",
        _usual_domain(hosts),
        _domains,
    )
    module, note = _module(found, given["module"], yes)
    return inventory.Answers(name, found.source, module, note, domains, hosts, user)


def finish(folder: Path, answers: Answers, copy: places.Copy) -> int:
    """Run the check, say what to type next, and return the exit status of the check."""
    given = str(folder) if str(folder) != places.INVENTORY else ""
    path = places.path_in_clone(str(folder), Path.cwd())
    line = Line("playbooks/check.yml", ("-i", path), environment=QUIET)
    click.echo(line.text(), err=True)
    status = places.run(line, copy)
    inventory = f" -i {shlex.quote(given)}" if given else ""
    if status != 0:
        click.echo(
            f"The check refuses it. Correct the files, then type: asgi-fleet check{inventory}"
        )
        return status
    click.echo("The check accepts it.\n\nWhat to type next:")
    for host in answers.hosts:
        port = f"-p {host.port} " if host.port else ""
        click.echo(f"  ssh {port}{answers.user}@{host.address} true")
    click.echo("    (once: ssh asks whether to trust a host that it does not know)")
    click.echo(f"  asgi-fleet deploy{inventory} --check --diff")
    click.echo(f"  asgi-fleet deploy{inventory}")
    return 0


def _source(text: str, version: str, here: Found) -> Found:
    """Return what is known of a source."""
    from asgi_fleet import project

    if text in (here.source.get("url"), here.source.get("path")):
        found = here
    elif _URL.match(text):
        # The last part of a URL, without .git: what a clone of it would be called.
        name = project.app_name(re.split(r"[/:]", text.rstrip("/"))[-1].removesuffix(".git"))
        source = {"type": "git", "url": text, "version": version or project.first_branch(text)}
        found = project.Found(source, name)
    else:
        folder = Path(text).expanduser()
        if not folder.is_dir():
            raise click.UsageError(
                f"the source is {text}; expected a git URL, or a folder of this machine"
            )
        looked = project.look(folder)
        source = {"type": "path", "path": str(folder.resolve())}
        found = project.Found(source, looked.name, looked.module, looked.note)
    if version and "version" in found.source:
        source = {**found.source, "version": version}
        found = project.Found(source, found.name, found.module, found.note)
    _refuse(project.refusal("app_source", dict(found.source)))
    return found


def _module(found: Found, given: str, yes: bool) -> tuple[str, str]:
    """Return what is served and where that was found; empty to have it found in the source."""
    if given:
        return _valid("app_module")(given), "was given"
    if found.module or not found.note:
        return found.module, found.note
    if yes:
        raise click.UsageError(f"{found.note}; or add --module")
    click.echo(found.note)
    answer: str = click.prompt("What is served? module:attribute", value_proc=_valid("app_module"))
    return answer, "was given"


def _valid(variable: str) -> Callable[[str], str]:
    """Return a function that refuses what the collection refuses as the value of a variable."""

    def read(text: str) -> str:
        from asgi_fleet import project

        _refuse(project.refusal(variable, text))
        return text

    return read


def _hosts(text: str) -> tuple[Host, ...]:
    from asgi_fleet import inventory, project

    texts = list(filter(None, _SEPARATORS.split(text)))
    try:
        hosts = tuple(inventory.Host.read(one, number) for number, one in enumerate(texts, start=1))
    except ValueError:
        hosts = ()
    if not hosts or any(project.refusal("fleet_address", host.address) for host in hosts):
        raise click.UsageError(
            f"the host is {text}; expected [user@]address[:port], such as 203.0.113.7 or "
            "deploy@web1.example.com:2222"
        )
    return hosts


def _user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise click.UsageError(f"the user is {text}; expected the name of an account")
    return text


def _domains(text: str) -> tuple[str, ...]:
    from asgi_fleet import project

    names = tuple(filter(None, _SEPARATORS.split(text)))
    _refuse(project.refusal("app_domain", list(names)))
    return names


def _refuse(problem: str) -> None:
    if problem:
        raise click.UsageError(problem)


def _usual_user(hosts: tuple[Host, ...]) -> str:
    """Return who logs in: as the host was given, as ssh is set up, or root."""
    host = hosts[0]
    if host.user:
        return host.user
    try:
        told = subprocess.run(
            ["ssh", "-G", host.address], capture_output=True, text=True, check=True
        ).stdout
        found = re.search(r"^user (\S+)$", told, re.MULTILINE)
    except (OSError, subprocess.CalledProcessError):
        found = None
    # Without a setting, ssh takes the name of whoever runs it.
    return found[1] if found and found[1] != getpass.getuser() else "root"


def _usual_domain(hosts: tuple[Host, ...]) -> str:
    """Return the address of the only host; empty if it is a name that only this machine knows."""
    address = hosts[0].address
    return address if len(hosts) == 1 and ("." in address or ":" in address) else ""
