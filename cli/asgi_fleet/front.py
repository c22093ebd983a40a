"""The command itself: reads a command line by the table, prints what it stands for, runs that."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from asgi_fleet import places
from asgi_fleet.commands import BEGIN, COMMANDS, SECTIONS, Argument, Command, Option
from asgi_fleet.line import Common, Line, line_of
from asgi_fleet.start import init

NAME = "asgi-fleet"
#: What click reads when a shell asks how to complete.
COMPLETE = "_ASGI_FLEET_COMPLETE"
HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
OWN = "This command"
_TYPES: dict[str, click.ParamType[Any]] = {
    "text": click.STRING,
    "list": click.STRING,
    "number": click.INT,
    # A playbook would take a relative path from its own folder.
    "path": click.Path(resolve_path=True),
}


class Front(click.Group):
    """The commands by section, in the order of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        del ctx
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list for each section."""
        del ctx
        section_of = {one.name: one.section for one in COMMANDS} | {"init": BEGIN}
        for section in (*SECTIONS, OWN):
            with formatter.section(section):
                formatter.write_dl(
                    [
                        (name, command.get_short_help_str(100))
                        for name, command in self.commands.items()
                        if section_of.get(name, OWN) == section
                    ]
                )


class TableCommand(click.Command):
    """A command of the table."""

    def __init__(self, command: Command) -> None:
        argument = [_argument(command.argument)] if command.argument else []
        super().__init__(
            command.name,
            callback=partial(_run, command),
            params=[*argument, *map(_option, command.options), *_common(command)],
            help=command.help,
            short_help=command.help.partition("\n")[0].partition(": ")[0].removesuffix("."),
            epilog=f"Stands for: ansible-playbook {command.playbook}",
            context_settings=HELP,
        )
        what = "COMMAND [ARGUMENTS]" if command.rest else "OPTIONS OF ansible-playbook"
        self._rest = f"-- {what}" if command.rest else f"[-- {what}]"

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return what follows the name in the first line of the help."""
        return [*super().collect_usage_pieces(ctx), self._rest]


def _argument(argument: Argument) -> click.Argument:
    # What the playbook needs, it asks for itself: -e sets it as well.
    return click.Argument(
        [_name(argument)],
        required=False,
        metavar=argument.metavar,
        type=click.Choice(argument.choices) if argument.choices else None,
    )


def _name(argument: Argument) -> str:
    return f"argument_{argument.variable.lstrip('-')}"


def _option(option: Option) -> click.Option:
    named = [*option.flags, option.variable]
    if option.kind == "switch":
        return click.Option(named, is_flag=True, flag_value=option.value, help=option.help)
    kind = click.Choice(option.choices) if option.choices else _TYPES[option.kind]
    return click.Option(
        named, type=kind, multiple=option.kind == "list", help=option.help, metavar=option.metavar
    )


def _common(command: Command) -> list[click.Option]:
    """Return the options that every command has, under the names that ansible-playbook gives."""
    json = click.Option(["--json"], is_flag=True, help="Print JSON, and nothing else on stdout.")
    path = click.Path()
    return [
        click.Option(
            ["--inventory", "-i"],
            multiple=True,
            type=path,
            metavar="PATH",
            help=f"The inventory (by default {places.INVENTORY}).",
        ),
        click.Option(["--limit", "-l"], help="Only these hosts.", metavar="HOSTS"),
        *([json] if command.json else []),
        click.Option(
            ["--check", "-C"], is_flag=True, help="Change nothing; say what would change."
        ),
        click.Option(["--diff", "-D"], is_flag=True, help="Show how files change."),
        click.Option(
            ["--extra-vars", "-e"],
            multiple=True,
            metavar="NAME=VALUE",
            help="Set a variable; JSON, or @ and a file, as well.",
        ),
        click.Option(
            ["--ask-vault-pass", "-J"], is_flag=True, help="Ask for the password of the vault."
        ),
        click.Option(
            ["--vault-password-file"],
            multiple=True,
            type=path,
            metavar="PATH",
            help="Read the vault's password from a file.",
        ),
        click.Option(["--ask-pass", "-k"], is_flag=True, help="Ask for the password of ssh."),
        click.Option(["--ask-become-pass", "-K"], is_flag=True, help="Ask for sudo's password."),
        click.Option(["--verbose", "-v"], count=True, help="Say more; -vvv even more."),
        click.Option(
            ["--dry-run"], is_flag=True, help="Print the line of ansible-playbook, and end."
        ),
    ]


def _run(command: Command, *, dry_run: bool, **told: object) -> None:
    """Print the line of a command, then run it."""
    line = line_for(command, told, _rest())
    click.echo(line.text(), err=True)
    if dry_run:
        return
    copy = places.Copy.found()
    if command.status:
        sys.exit(places.run_for_status(line, copy, command.status))
    places.replace_by(line, copy)


def line_for(command: Command, told: dict[str, object], rest: Sequence[str]) -> Line:
    """Return the line for what click has read.

    Raises:
        click.UsageError: There is no inventory.
    """
    here = Path.cwd()
    argument = [command.argument] if command.argument else []
    given = [(one.variable, _name(one)) for one in argument]
    given += [(one.variable, one.variable) for one in command.options]
    values = {variable: told[name] for variable, name in given if told[name] not in (None, ())}
    try:
        inventories = places.chosen_inventory(_texts(told["inventory"]), os.environ, here)
    except LookupError as error:
        raise click.UsageError(str(error)) from None
    common = Common(
        inventories=inventories,
        limit=str(told.get("limit") or ""),
        extra_vars=_texts(told["extra_vars"]),
        check=bool(told["check"]),
        diff=bool(told["diff"]),
        ask_vault_pass=bool(told["ask_vault_pass"]),
        vault_password_files=_texts(told["vault_password_file"]),
        ask_pass=bool(told["ask_pass"]),
        ask_become_pass=bool(told["ask_become_pass"]),
        verbosity=int(str(told["verbose"])),
        json=bool(told.get("json")),
    )
    lists = {name: list(one) if isinstance(one, tuple) else one for name, one in values.items()}
    return line_of(command, lists, common, rest, path=partial(places.path_in_clone, here=here))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else ()


def _rest() -> Sequence[str]:
    rest: Sequence[str] = click.get_current_context().find_root().obj or ()
    return rest


@click.command(
    context_settings=HELP,
    short_help="Print what completes commands in a shell",
    help=(
        "Print what completes commands in a shell. Where it belongs:\n\n\b\n"
        '~/.bashrc:                    eval "$(asgi-fleet completion bash)"\n'
        '~/.zshrc, after compinit:     eval "$(asgi-fleet completion zsh)"\n'
        "~/.config/fish/config.fish:   asgi-fleet completion fish | source"
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what completes commands in a shell."""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"shell is {shell}; expected one that click completes")
    group = click.get_current_context().find_root().command
    click.echo(found(group, {}, NAME, COMPLETE).source())


def _say_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        versions = [f"{name} {_version(name)}" for name in (NAME, "ansible-core")]
        click.echo(", ".join(versions))
        ctx.exit()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of the clone"


def front() -> Front:
    """Return the command, with all that it can do."""
    group = Front(
        NAME,
        help=(
            "Deploy ASGI applications to your own hosts, and release them without a lost "
            "request.\n\nEach command runs one playbook of asgi.fleet, and first prints the line "
            "of ansible-playbook that it stands for. What stands after -- goes to "
            "ansible-playbook as it is."
        ),
        epilog=f"{NAME} COMMAND --help says what a command takes.",
        context_settings=HELP,
        subcommand_metavar="COMMAND [OPTIONS] [-- OPTIONS OF ansible-playbook]",
        params=[
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_say_version,
                help="Show the version, and that of ansible-core.",
            )
        ],
    )
    for command in (init, *map(TableCommand, COMMANDS), completion):
        group.add_command(command)
    return group


def main(arguments: Sequence[str] | None = None) -> None:
    """Read a command line, by default the process's own, and do what it says."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    # Click would mix what stands after -- with the arguments before it.
    end = typed.index("--") if "--" in typed else len(typed)
    front().main(
        args=typed[:end], prog_name=NAME, complete_var=COMPLETE, obj=tuple(typed[end + 1 :])
    )
