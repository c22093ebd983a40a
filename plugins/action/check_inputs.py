"""Checks the deployment's variables on the controller; see the module of the same name."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from ansible import constants, context
from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.inventory.group import Group
from ansible.inventory.host import Host
from ansible.plugins.loader import filter_loader, module_loader, test_loader, vars_loader
from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars
from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.printed import haproxy_sites
from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.reach import refuse_unreachable
from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.sites import (
    address_of,
    balancer_sites,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import controller
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.backup import skip_problems
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.connection_limit import shares
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.controller import ROLES
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import (
    PREFIXES,
    Examination,
    examine,
    judge,
    report,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.metrics import metrics_problems
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.networks import network_problems
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.options import misspelt
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.plan import plan_problems
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.recycle import (
    recycle_problems,
    turns,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.role_variables import (
    converted,
    out_of_range,
    role_options,
    unknown,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec import BY_NAME
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.templates import (
    FILES,
    Engine,
    file_problems,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.transports import uv_problems
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.wheelhouse import (
    wheelhouse_problems,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.wiring import (
    DERIVED,
    DERIVED_BALANCER,
    balancer_problems,
    http3_problems,
    refuse_derived,
    refuse_of_the_run,
    timeout_problems,
    wire,
    wire_balancer,
    worker_class_problems,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.written import Files

display = Display()

ADDRESS = ("ansible_host", "ansible_port", "ansible_ssh_common_args", "ansible_ssh_extra_args")
#: What its neighbours must know of a host: who it is and where, and more if they have these.
NEIGHBOURS = ("app_name", "app_domain", "app_root_path", "app_mount_of", "app_static")
ASKED = {
    "app_connections": ("app_workers", "app_connections", "app_processes", "app_timers"),
    "app_recycle": ("app_recycle", "app_health_timeout", "app_processes"),
    # What runs once in the fleet runs on one of all hosts.
    "app_processes": ("app_processes",),
    "app_timers": ("app_timers",),
}
#: Left behind by this plugin.
OWN_FACTS = ("fleet_wired",)
#: Left behind by the roles.
RESULTS = (
    "gunicorn_service_measured",
    "gunicorn_service_result",
    "host_baseline_result",
    "nginx_site_maintenance_result",
    "nginx_site_result",
    "python_release_result",
    "tls_certificate_result",
)
#: The copy of the collection that this file belongs to.
COLLECTION = Path(__file__).parents[2]
#: The callback that tells of the end of a run.
TOLD = "asgi.fleet.told"
MAY_CARRY_SECRETS = ("app_env", "app_secrets", "app_source", "app_tls", "fleet_notify")


class ActionModule(ControllerAction):
    """Examines one host's variables, or judges the examinations of all hosts."""

    options: ClassVar[dict[str, Any]] = {
        "state": {
            "type": "str",
            "choices": ["examined", "judged", "balancer"],
            "default": "examined",
        },
        "hosts": {"type": "list", "elements": "str", "default": []},
        "files": {"type": "bool", "default": True},
        "command_line": {"type": "list", "elements": "str", "default": []},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the findings; changes nothing."""
        if options["state"] == "judged":
            found = self._judge(options["hosts"], options["files"], task_vars)
        elif options["state"] == "balancer":
            found = self._wire_balancer(task_vars)
        else:
            found = self._examine(task_vars, options["files"], options["command_line"])
        return {"changed": False} | found

    def _examine(
        self, task_vars: dict[str, Any], files: bool, command_line: list[str]
    ) -> dict[str, Any]:
        host_vars: dict[str, object] = {}
        unreadable: dict[str, str] = {}
        wired = set(task_vars.get("fleet_wired", []))
        for name, value in task_vars.items():
            if name in OWN_FACTS or (not name.startswith(PREFIXES) and name not in ADDRESS):
                continue
            try:
                host_vars[name] = self._templar.template(value)
            except AnsibleError as error:
                if name in BY_NAME or name in ADDRESS:
                    unreadable[name] = _reason(name, error)
                else:
                    # A variable of another role may be a template that only its tasks can resolve.
                    host_vars[name] = None
        examination = examine(
            host_vars,
            unreadable=unreadable,
            host=task_vars["inventory_hostname"],
            read_file=self.read_file,
            files=files,
            origins=Files(self.read_file, _yaml_of_the_command_line()),
            base=Path(where) if (where := task_vars.get("inventory_dir")) else None,
        )
        given, typed, mistyped = self._typed(task_vars, wired)
        try:
            balancers = self._balancers(task_vars)
        except ValueError as error:
            examination.problems.append(Problem("fleet_address", str(error)))
            balancers = {}
        wiring = wire(examination.deployment, given, balancers.values())
        problems = [
            *examination.problems,
            *refuse_derived(task_vars.keys() - wired, DERIVED),
            *refuse_of_the_run(task_vars.keys() - load_extra_vars(self._loader).keys()),
            *mistyped,
            *unknown(
                [name for name in task_vars if name.startswith(ROLES)],
                role_options(COLLECTION / "roles"),
                RESULTS,
                _patterns(host_vars.get("fleet_extra_variables")),
            ),
            *self._refuse_inventory(task_vars, command_line),
            *plan_problems({name: task_vars[name] for name in command_line if name in task_vars}),
            *controller.unread_variables(
                self._beside_playbooks(task_vars), task_vars, task_vars.get("inventory_dir")
            ),
            *timeout_problems({**given, **wiring}),
            *http3_problems({**given, **wiring}),
            *worker_class_problems(given),
            *metrics_problems(examination.deployment, {**given, **wiring}),
            *recycle_problems(examination.deployment, given),
            *balancer_problems(examination.deployment, task_vars["groups"].get("balancer", [])),
            *wheelhouse_problems(given, task_vars["hostvars"]),
            *network_problems(given),
            *uv_problems(
                given.get("python_release_uv_environment"),
                given.get("python_release_python_mirror"),
            ),
            *(self._file_problems(_of_hosts(given), task_vars, wiring) if files else []),
        ]
        return {
            "problems": [asdict(problem) for problem in problems],
            "machine": examination.machine,
            "way": examination.way,
            "deployment": examination.deployment,
            "facts": {
                "deployment": examination.deployment,
                "fleet_wired": sorted(wiring),
                **typed,
                **wiring,
            },
        }

    def _beside_playbooks(self, task_vars: dict[str, Any]) -> dict[Path, dict[str, Any]]:
        """Return the variables beside the command line's playbooks, where these import this one."""
        host = Host(task_vars["inventory_hostname"])
        # The last one counts most.
        entities = [Group("all"), *map(Group, task_vars.get("group_names", [])), host]
        reader = vars_loader.get("ansible.builtin.host_group_vars")
        playbooks = [Path(name).absolute() for name in context.CLIARGS.get("args") or ()]
        return {
            playbook: reader.get_vars(self._loader, f"{playbook.parent}", entities)
            for playbook in playbooks
            if playbook.is_file() and playbook.parent.resolve() != Path(task_vars["playbook_dir"])
        }

    def _typed(
        self, task_vars: dict[str, Any], wired: set[str]
    ) -> tuple[dict[str, Any], dict[str, Any], list[Problem]]:
        """Return the role variables that the user has set, those that were text, and problems."""
        given = self._given(task_vars, wired)
        extra = load_extra_vars(self._loader)
        options = role_options(COLLECTION / "roles")
        typed, problems = converted(given, options, extra)
        given |= typed
        return given, typed, problems + out_of_range(given, options)

    def _given(self, task_vars: dict[str, Any], wired: set[str]) -> dict[str, Any]:
        """Return the role variables that the user has set, without those this plugin derived."""
        given = {}
        for name, value in task_vars.items():
            if name.startswith(ROLES) and name not in wired and name not in DERIVED:
                try:
                    given[name] = self._templar.template(value)
                except AnsibleError:
                    # A template that only the role's own tasks can resolve.
                    given[name] = value
        return given

    def _file_problems(self, given: Mapping[str, Any], *names: Iterable[str]) -> list[Problem]:
        """Return what is wrong with the files of the controller that role variables name."""
        engine = Engine(
            roles=Path(__file__).resolve().parents[2] / "roles",
            base=Path(self._loader.get_basedir()),
            has_filter=lambda name: filter_loader.get(name) is not None,
            has_test=lambda name: test_loader.get(name) is not None,
        )
        return file_problems(given, engine, {"deployment", *chain(*names)})

    def _refuse_inventory(self, task_vars: dict[str, Any], names: list[str]) -> list[Problem]:
        """Refuse variables that choose a playbook's target, unless set on the command line."""
        host = task_vars["inventory_hostname"]
        extra = load_extra_vars(self._loader)
        problems = []
        for name in names:
            # Not the variables of the play: an import_playbook may pass the target in its `vars`.
            if name in task_vars["hostvars"][host] and name not in extra:
                findings = Findings(name)
                findings.refuse(
                    "set in the inventory",
                    "it on the command line only",
                    f"rename the variable of the inventory, and add -e {name}=... to the command",
                )
                problems += findings.problems
        return problems

    def _balancers(self, task_vars: dict[str, Any]) -> dict[str, str]:
        """Return the address of each balancer by its inventory name."""
        return {
            host: address_of(host, task_vars["hostvars"][host])
            for host in task_vars["groups"].get("balancer", [])
        }

    def _wire_balancer(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        wired = set(task_vars.get("fleet_wired", []))
        given = self._given(task_vars, wired)
        problems = refuse_derived(task_vars.keys() - wired, DERIVED_BALANCER)
        problems += self._file_problems(_of_balancers(given), task_vars)
        if problems:
            return {"failed": True, "msg": report(problems, 1)}
        variable = "nginx_site_proxy_read_timeout_seconds"
        try:
            balancers = self._balancers(task_vars)
        except ValueError as error:
            return {"failed": True, "msg": str(error)}
        hosts = [task_vars["hostvars"][host] for host in task_vars["groups"]["app"]]
        given, typed, mistyped = self._typed(task_vars, wired)
        problems = [*mistyped, *network_problems(given)]
        if problems:
            return {"failed": True, "msg": report(problems, 1)}
        wiring = wire_balancer(
            given,
            [host[variable] for host in hosts if variable in host],
            task_vars["inventory_hostname"],
            balancers,
        )
        return {"facts": {"fleet_wired": sorted(wiring), **typed, **wiring}}

    def _judge(self, hosts: list[str], files: bool, task_vars: dict[str, Any]) -> dict[str, Any]:
        if lacking := _lacking(hosts, files, task_vars):
            return {"failed": True, "msg": controller.report(lacking)}
        if unread := controller.unread_settings(constants.CONFIG_FILE, COLLECTION):
            display.warning(unread)
        found = {host: task_vars["hostvars"][host]["__check_inputs"] for host in hosts}
        examinations = {
            host: Examination(
                deployment=one["deployment"],
                problems=[Problem(p["variable"], p["message"]) for p in one["problems"]],
                machine=one["machine"],
                way=one["way"],
            )
            for host, one in found.items()
        }
        others = _left_out(task_vars, examinations)
        problems = judge(examinations, others)
        extra = load_extra_vars(self._loader)
        problems += misspelt(extra, (Path(name).stem for name in context.CLIARGS.get("args") or ()))
        deployments = [one.deployment for one in examinations.values()]
        problems += skip_problems(extra.get("skip_backup"), deployments)
        if files:
            problems += self._balancer_file_problems(task_vars)
        if problems:
            told = report(problems, len(examinations))
            display.display(f"\n{told}\n")
            # Of a failure, Ansible prints the message twice.
            return {"failed": True, "msg": f"{told.partition(';')[0]}, see above"}
        try:
            self._judge_balancers(task_vars)
        except ValueError as error:
            return {"failed": True, "msg": str(error)}
        notified = _notified(examinations)
        if notified and TOLD not in (constants.CALLBACKS_ENABLED or ()):
            display.warning(
                f"fleet_notify is set, and the callback {TOLD} is not enabled: no failure of a run "
                f"will be told; add it to callbacks_enabled in ansible.cfg, or to "
                "ANSIBLE_CALLBACKS_ENABLED"
            )
        return {
            "msg": "the variables of all hosts fit",
            "notified": notified,
            "of_fleet": _of_fleet(examinations, others),
        }

    def _judge_balancers(self, task_vars: dict[str, Any]) -> None:
        """Refuse what the balancers cannot serve: they serve all hosts, whatever --limit says.

        Raises:
            ValueError: With the reason.
        """
        groups = task_vars["groups"]
        both = [host for host in groups["app"] if host in groups.get("balancer", [])]
        if both:
            raise ValueError(
                f"{', '.join(both)} is in the groups app and balancer; expected a host to be in "
                "one of them, since nginx and HAProxy listen on the same ports; remove it from one"
            )
        if self._balancers(task_vars):
            servers = {host: task_vars["hostvars"][host] for host in groups["app"]}
            balancers = {host: task_vars["hostvars"][host] for host in groups["balancer"]}
            refuse_unreachable(balancers | servers)
            haproxy_sites(balancer_sites(servers, ""), "", [])

    def _balancer_file_problems(self, task_vars: dict[str, Any]) -> list[Problem]:
        """Return what is wrong with the files that variables of balancers name."""
        hosts_of: dict[Problem, list[str]] = {}
        for host in task_vars["groups"].get("balancer", []):
            host_vars = task_vars["hostvars"][host]
            given = {name: host_vars[name] for name in _of_balancers(FILES) if name in host_vars}
            for problem in self._file_problems(given, host_vars, task_vars):
                hosts_of.setdefault(problem, []).append(host)
        return [replace(problem, hosts=tuple(hosts)) for problem, hosts in hosts_of.items()]


def _of_fleet(
    examinations: Mapping[str, Examination], others: Mapping[str, Examination]
) -> dict[str, dict[str, Any]]:
    """Return the role variables that follow from all hosts of an application, by host."""
    found: dict[str, dict[str, Any]] = {}
    for variable, of_hosts in (
        ("gunicorn_service_connections", shares(examinations, others)),
        ("gunicorn_service_recycle", turns(examinations, others)),
    ):
        for host, value in of_hosts.items():
            found.setdefault(host, {})[variable] = value
    return found


def _notified(examinations: Mapping[str, Examination]) -> dict[str, dict[str, list[str]]]:
    """Return the applications that somebody is told of: which events, and the hosts."""
    found: dict[str, dict[str, list[str]]] = {}
    for host, one in examinations.items():
        if targets := one.deployment.get("fleet_notify"):
            events = {event for target in targets for event in target["events"]}
            known = {"events": sorted(events), "hosts": []}
            found.setdefault(one.deployment["app_name"], known)["hosts"].append(host)
    return found


def _left_out(
    task_vars: Mapping[str, Any], examined: Mapping[str, Examination]
) -> dict[str, Examination]:
    """Return the hosts that `--limit` leaves out, with what their neighbours must know of them."""
    found = {}
    wanted = {name for name in ASKED for one in examined.values() if one.deployment.get(name)}
    names = {*NEIGHBOURS, *ADDRESS, *chain(*(ASKED[name] for name in wanted))}
    for host in set(task_vars["groups"].get("app", [])) - examined.keys():
        found[host] = _examine_readable(task_vars["hostvars"][host], names, host)
    return found


def _examine_readable(variables: Mapping[str, Any], names: Iterable[str], host: str) -> Examination:
    """Examine some variables of a host; one whose template fails is not known.

    The run that deploys to the host names that.
    """
    given = {}
    failing = []
    for name in names:
        try:
            if name in variables:
                given[name] = variables[name]
        except AnsibleError:
            failing.append(name)
    found = examine(given, host=host, files=False)
    known = {name: value for name, value in found.deployment.items() if name not in failing}
    return replace(found, deployment=known)


def _of_balancers(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in given if name.startswith("haproxy_balancer_")}


def _of_hosts(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in given if not name.startswith("haproxy_balancer_")}


def _patterns(extra: object) -> list[str]:
    """Return the names of the user's own variables; `examine` says what is wrong with them."""
    return [one for one in extra if isinstance(one, str)] if isinstance(extra, list) else []


def _lacking(hosts: list[str], files: bool, task_vars: dict[str, Any]) -> list[str]:
    """Return what this machine lacks to deploy these hosts."""
    asked = {}
    for host in hosts:
        settings = task_vars["hostvars"][host]
        source = settings["__check_inputs"]["deployment"].get("app_source", {})
        asked[host] = {
            "connection": settings.get("ansible_connection"),
            "source": source.get("type", "") if files else "",
        }
    return [
        *controller.mixed_copies(Path(task_vars["playbook_dir"]), COLLECTION),
        *controller.missing_collections(
            lambda module: bool(module_loader.find_plugin_with_context(module).resolved)
        ),
        *controller.missing_programs(asked, lambda program: bool(shutil.which(program))),
    ]


def _yaml_of_the_command_line() -> list[str]:
    """Return the extra variables that are YAML, as they were typed."""
    given = context.CLIARGS.get("extra_vars") or ()
    return [text for text in map(str, given) if text.lstrip().startswith(("{", "["))]


def _reason(name: str, error: AnsibleError) -> str:
    """Return why a template failed; a filter's message may repeat the secret it was given."""
    if name in MAY_CARRY_SECRETS and not isinstance(error, AnsibleUndefinedVariable):
        return type(error).__name__
    return seen(error.message)
