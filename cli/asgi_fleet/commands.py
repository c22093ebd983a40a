"""The table: each command, the playbook that it runs, and the variables that its options set.

All that `asgi-fleet` knows of the playbooks stands here; what the options mean is decided there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What an option takes: a text, a number, a file's path, one of some words, many texts, or nothing.
Kind = Literal["text", "number", "path", "choice", "list", "switch"]


@dataclass(frozen=True)
class Option:
    """An option, and the variable that it sets.

    Attributes:
        flags: How it is written.
        variable: The playbook's variable.
        help: One line.
        kind: What it takes.
        choices: The words of a choice.
        metavar: How the help names what it takes.
        value: What a switch sets.
    """

    flags: tuple[str, ...]
    variable: str
    help: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    value: str = "true"


@dataclass(frozen=True)
class Argument:
    """What is written without an option, and the variable that it sets.

    Attributes:
        metavar: How the help names it.
        variable: The playbook's variable; `--limit` for that option of ansible-playbook.
        choices: The words that it may be; none for any text.
    """

    metavar: str
    variable: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """A command, and the playbook that it runs.

    Attributes:
        name: Of the command.
        playbook: As it is written in a clone.
        section: Of the help.
        help: One sentence, then more if it needs more.
        options: Besides those that every command has.
        argument: What may be written without an option.
        variables: What is always set.
        json: The variable that `--json` sets to json; empty if there is no such output.
        rest: The variable that takes what stands after `--`, as a list; empty if that goes to
            ansible-playbook.
        status: The variable that names a file, into which the playbook writes the exit status to
            end with.
    """

    name: str
    playbook: str
    section: str
    help: str
    options: tuple[Option, ...] = ()
    argument: Argument | None = None
    variables: tuple[tuple[str, str], ...] = ()
    json: str = ""
    rest: str = ""
    status: str = ""


BEGIN, RELEASE, LOOK, WORK, TRAFFIC, HOSTS = SECTIONS = (
    "Begin",
    "Release",
    "Look",
    "Work with it",
    "Traffic",
    "Hosts",
)

_TAKE_OVER = Option(
    ("--take-over-lock",),
    "fleet_take_over_lock",
    "Go on where a run was killed that still has the lock.",
    "switch",
)
_UNSERVED = Option(
    ("--allow-unserved",),
    "fleet_allow_unserved",
    "Begin although nginx does not answer on a host.",
    "switch",
)
_OLDER = Option(
    ("--allow-older",),
    "fleet_allow_older",
    "Release what is older than the live release.",
    "switch",
)
_PLAN = Option(
    ("--plan",),
    "plan",
    "Refuse if the fleet or the inventory has moved since this plan was made.",
    metavar="HASH",
)
_PLAN_FILE = Option(("--plan-file",), "plan_file", "Where that plan was written.", "path")
_RELEASING = (_PLAN, _PLAN_FILE, _OLDER, _UNSERVED, _TAKE_OVER)
_ROLLING = (_UNSERVED, _TAKE_OVER)


def _file(variable: str, what: str) -> Option:
    return Option(("--file",), variable, f"Also write {what} to a file.", "path")


COMMANDS: tuple[Command, ...] = (
    Command(
        "check",
        "playbooks/check.yml",
        BEGIN,
        "Check the variables, without contacting a host.",
    ),
    Command(
        "bootstrap",
        "playbooks/bootstrap.yml",
        BEGIN,
        "Make a deploy user on a fresh host, and close the log-in by password.\n\n"
        "With -k it asks for the password of the first log-in.",
        (
            Option(("--login",), "bootstrap_login", "Who logs in first, if not root."),
            Option(
                ("--hosts",),
                "bootstrap_hosts",
                "Other hosts than those of app and balancer.",
                metavar="HOSTS",
            ),
        ),
    ),
    Command(
        "plan",
        "deploy.yml",
        BEGIN,
        "Show what a deploy would do, with a hash that `deploy --plan` takes.",
        (_file("plan_file", "the plan"),),
        variables=(("plan_only", "true"),),
    ),
    Command(
        "deploy",
        "deploy.yml",
        BEGIN,
        "Provision the hosts, release the application, show the fleet.",
        _RELEASING,
    ),
    Command(
        "release",
        "playbooks/release.yml",
        RELEASE,
        "Release only, wave by wave.",
        _RELEASING,
    ),
    Command(
        "rollback",
        "playbooks/rollback.yml",
        RELEASE,
        "Roll back to the previous release, or to RELEASE, on all hosts at once.",
        (_TAKE_OVER,),
        Argument("[RELEASE]", "release"),
    ),
    Command(
        "restart",
        "playbooks/restart.yml",
        RELEASE,
        "Restart wave by wave, without losing a request.",
        _ROLLING,
    ),
    Command(
        "scale",
        "playbooks/scale.yml",
        RELEASE,
        "Resize after hosts got other cores or memory: only where the plan differs.",
        _ROLLING,
    ),
    Command(
        "status",
        "playbooks/status.yml",
        LOOK,
        "Show release, slot, workers, memory, health and certificate of each host.",
        (
            _file("status_file", "it, as JSON,"),
            Option(
                ("--no-drift",),
                "status_drift",
                "Do not compare the hosts with the inventory.",
                "switch",
                value="false",
            ),
        ),
        json="status_format",
    ),
    Command(
        "targets",
        "playbooks/metrics_targets.yml",
        LOOK,
        "Show what Prometheus is to scrape, for its discovery from files. It contacts no host.",
        (
            Option(
                ("--file",),
                "metrics_targets_file",
                "Write it to a file instead: .json, .yml or .yaml.",
                "path",
            ),
        ),
    ),
    Command(
        "verify",
        "playbooks/verify.yml",
        LOOK,
        "Find out what is wrong and what to do; fail if anything is.",
        (
            _file("verify_file", "the verdict, as JSON,"),
            Option(
                ("--fail-on",),
                "verify_fail_on",
                "What fails (by default a fault).",
                "choice",
                ("fault", "warning"),
            ),
            Option(("--release",), "release", "The release that must be live.", metavar="RELEASE"),
        ),
        json="verify_format",
    ),
    Command(
        "releases",
        "playbooks/releases.yml",
        LOOK,
        "List the releases on each host, their sources and who built them.",
        (
            Option(("--pin",), "pin", "Keep a release from being removed.", metavar="RELEASE"),
            Option(("--unpin",), "unpin", "Undo that.", metavar="RELEASE"),
        ),
    ),
    Command(
        "logs",
        "playbooks/logs.yml",
        LOOK,
        "Show the journal and the access log of all hosts, in the order of time.",
        (
            Option(("--since",), "logs_since", "From when on.", metavar="TIME"),
            Option(("--grep",), "logs_grep", "Only lines that match.", metavar="PATTERN"),
            Option(("--follow", "-f"), "logs_follow", "Go on as lines come.", "switch"),
            Option(("--release",), "logs_release", "Of one release.", metavar="RELEASE"),
            Option(("--timer",), "logs_timer", "Of one timer's runs.", metavar="TIMER"),
            Option(("--process",), "logs_process", "Of one of app_processes.", metavar="NAME"),
            Option(
                ("--source",),
                "logs_source",
                "Which of the two.",
                "choice",
                ("journal", "access", "all"),
            ),
            Option(("--lines",), "logs_lines", "How many of each host.", "number"),
            Option(("--seconds",), "logs_seconds", "How long to follow.", "number"),
        ),
    ),
    Command(
        "history",
        "playbooks/history.yml",
        LOOK,
        "List the rollouts: who, what, how long, with what outcome.",
        (
            Option(("--count",), "history_count", "How many.", "number"),
            _file("history_file", "them, as JSON,"),
        ),
        json="history_format",
    ),
    Command(
        "run",
        "playbooks/run.yml",
        WORK,
        "Run a command as the application: asgi-fleet run -- python manage.py migrate\n\n"
        "As its account, with its environment, secrets and sandbox. Ends with the command's exit "
        "status.",
        (
            Option(
                ("--on",),
                "run_on",
                "On one host, on the one that leads, or on all.",
                "choice",
                ("one", "leader", "all"),
            ),
            Option(("--seconds",), "run_seconds", "End it after so long.", "number"),
        ),
        rest="command",
        status="run_status_file",
    ),
    Command(
        "backup",
        "playbooks/backup.yml",
        WORK,
        "Make a backup of the application's data now, and check it.",
        (Option(("--list",), "backup_list", "Only show the last ones of each host.", "switch"),),
    ),
    Command(
        "tune",
        "playbooks/tune.yml",
        WORK,
        "Measure on HOST how many workers suit it, and leave it as it was.\n\n"
        "The live release runs beside itself with one number of workers after the other, under the "
        "load of tune_requests.",
        (
            Option(("--workers",), "tune_workers", "Which numbers.", metavar="1,2,4"),
            Option(("--seconds",), "tune_seconds", "How long each load lasts.", "number"),
            Option(("--rounds",), "tune_rounds", "How often each is measured.", "number"),
            Option(("--connections",), "tune_connections", "How many requests at once.", "number"),
            Option(
                ("--while-serving",),
                "tune_while_serving",
                "Without a balancer: the host is idle, or its visitors can wait.",
                "switch",
            ),
            Option(("--write",), "tune_write", "Write app_workers into host_vars.", "switch"),
        ),
        Argument("HOST", "tune"),
    ),
    Command(
        "drill",
        "playbooks/drill.yml",
        WORK,
        "Break a staging fleet on purpose, and see whether it keeps its promises: asgi-fleet drill "
        "shop\n\n"
        "The name of the application confirms it. Its inventory must have fleet_drill_allowed: "
        "true.",
        (
            Option(
                ("--only",),
                "drill_only",
                "Some exercises: kills, bad_release, full_disk, host_lost, restart, ...; mend only "
                "puts right what an interrupted drill has left.",
                metavar="NAMES",
            ),
            Option(("--seconds",), "drill_seconds", "How long the load goes on.", "number"),
            Option(("--rate",), "drill_rate", "Requests a second.", "number"),
            Option(("--path",), "drill_path", "What is asked for.", metavar="PATH"),
            Option(("--disk-mb",), "drill_disk_mb", "The largest file.", "number"),
        ),
        Argument("APP", "drill"),
    ),
    Command(
        "drain",
        "playbooks/drain.yml",
        TRAFFIC,
        "Take HOSTS out of traffic, and wait for their last requests.",
        (
            Option(("--seconds",), "drain_seconds", "How long to wait.", "number"),
            Option(("--last",), "drain_last", "Also the last host that serves.", "switch"),
        ),
        Argument("[HOSTS]", "--limit"),
    ),
    Command(
        "undrain",
        "playbooks/undrain.yml",
        TRAFFIC,
        "Return HOSTS to traffic.",
        argument=Argument("[HOSTS]", "--limit"),
    ),
    Command(
        "maintenance",
        "playbooks/maintenance.yml",
        TRAFFIC,
        "Switch maintenance mode on or off.",
        (
            Option(("--minutes",), "maintenance_minutes", "How long it will last.", "number"),
            Option(
                ("--allow",),
                "maintenance_allow",
                "An address to serve all the same; may be repeated.",
                "list",
                metavar="ADDRESS",
            ),
        ),
        Argument("[on|off]", "maintenance", choices=("on", "off")),
    ),
    Command(
        "balancer",
        "playbooks/balancer.yml",
        TRAFFIC,
        "Prepare and configure the balancers.",
    ),
    Command(
        "certificates",
        "playbooks/certificates.yml",
        HOSTS,
        "Renew the certificates that are due, exchange those that differ from app_tls.",
        (
            Option(
                ("--rotate-authority",),
                "certificates_rotate",
                "Make a new authority of your own first.",
                "switch",
                value="authority",
            ),
        ),
    ),
    Command(
        "provision",
        "playbooks/provision.yml",
        HOSTS,
        "Prepare the hosts, without a release.",
    ),
    Command(
        "patch",
        "playbooks/patch.yml",
        HOSTS,
        "Patch the operating system, host by host.",
        (
            Option(
                ("--reboot",),
                "patch_reboot",
                "When to reboot a host (by default auto: where the upgrade asks for it).",
                "choice",
                ("auto", "always", "never"),
            ),
            Option(
                ("--reboot-balancers",),
                "patch_reboot_balancers",
                "Reboot balancers as well, which cuts connections.",
                "switch",
            ),
        ),
    ),
    Command(
        "remove",
        "playbooks/remove.yml",
        HOSTS,
        "Remove an application from its hosts.\n\n"
        "Without NAME, its app_name, it only says what it would remove.",
        (Option(("--data",), "remove_data", "Its data as well.", "switch"), _TAKE_OVER),
        Argument("[NAME]", "remove"),
    ),
)
