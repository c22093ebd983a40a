"""The variables of the fleet and its rollouts."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import notify, values
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.variable import Variable

FLEET: tuple[Variable, ...] = (
    Variable(
        "fleet_waves",
        "list",
        "The waves of a rollout, as numbers or percentages of the hosts; the last is repeated "
        "until all hosts are done. The first is the canary.",
        'numbers of hosts from 1 on, or "1%" to "100%"',
        '[1, "25%", "100%"]',
        values.waves,
        [1, "25%", "100%"],
    ),
    Variable(
        "fleet_soak_seconds",
        "number",
        "Seconds between two waves, in which the hosts just switched are watched.",
        "a number of seconds from 0 to 86400",
        "60",
        values.number(0, 86400, unit="seconds"),
        10,
    ),
    Variable(
        "fleet_on_failure",
        "text",
        "What a failed wave reverts: every wave so far, only itself, or nothing.",
        "revert_all, revert_wave or stop",
        "revert_wave",
        values.choice("revert_all", "revert_wave", "stop"),
        "revert_all",
    ),
    Variable(
        "fleet_max_error_ratio",
        "number or text",
        "The largest share of failed answers (5xx) with which a rollout continues, of what the "
        "hosts just switched served during the soak; unset does not judge it.",
        'a share from 0 to below 1, or a percentage below "100%"',
        '"1%"',
        values.optional(values.ratio),
    ),
    Variable(
        "fleet_max_p99_ms",
        "number",
        "The time, in ms, within which 99 of 100 answers of the hosts just switched must begin; "
        "unset does not judge it.",
        "a number of milliseconds from 1 to 3600000",
        "500",
        values.optional(values.number(1, 3_600_000, unit="milliseconds")),
    ),
    Variable(
        "fleet_min_requests",
        "number",
        "With fewer requests than this, no host is judged: the rollout continues and says so.",
        "a number from 1 to 1000000",
        "500",
        values.number(1, 1_000_000),
        100,
    ),
    Variable(
        "fleet_canary_percent",
        "number",
        "How many of 100 requests the hosts of the first wave get together while they soak, if "
        "that is less than their share; unset gives them their share. Needs a balancer.",
        "a number from 1 to 99",
        "5",
        values.optional(values.number(1, 99)),
    ),
    Variable(
        "fleet_sticky_sessions",
        "boolean",
        "A visitor stays with the host that answered first, by a cookie. Needs a balancer.",
        "true or false",
        "true",
        values.boolean,
        False,
    ),
    Variable(
        "fleet_address",
        "text",
        "The address at which the fleet's hosts reach this host; empty for ansible_host, or else "
        "the inventory name. For hosts of the groups app and balancer.",
        "an IP address or a DNS name",
        "10.0.0.11",
        values.address,
        "",
        in_deployment=False,
    ),
    Variable(
        "fleet_patch_batch",
        "number or text",
        "How many hosts patch.yml takes out of traffic at the same time.",
        'a number of hosts from 1 on, or "1%" to "100%"',
        '"25%"',
        values.batch,
        1,
        in_deployment=False,
    ),
    Variable(
        "fleet_notify",
        "list",
        "Who is told when a rollout, or other work on the fleet, ends or fails: a web hook (Slack, "
        "Mattermost, Teams, Discord, JSON), mail, or a command on the controller (docs/notify.md).",
        "targets with type webhook, mail or command; the same for all hosts of an application",
        '[{type: webhook, format: slack, url: "https://hooks.slack.com/services/T0/B0/secret"}]',
        notify.targets,
        [],
    ),
    Variable(
        "fleet_take_over_lock",
        "boolean",
        "Take the lock over from a rollout that no longer runs; only for one command line.",
        "true or false",
        "true",
        values.boolean,
        False,
    ),
    Variable(
        "fleet_allow_older",
        "boolean",
        "Release what is older than what is live, and was not asked for as a rollback; only for "
        "one command line.",
        "true or false",
        "true",
        values.boolean,
        False,
    ),
    Variable(
        "fleet_allow_unserved",
        "boolean",
        "Roll out although nginx does not answer on a host, so that no visitor is served there; "
        "only for one command line.",
        "true or false",
        "true",
        values.boolean,
        False,
    ),
    Variable(
        "fleet_drill_allowed",
        "boolean",
        "Whether drill.yml may break this fleet on purpose; for the inventory of a staging fleet "
        "alone (docs/drill.md).",
        "true or false",
        "true",
        values.boolean,
        False,
    ),
    Variable(
        "fleet_report_directory",
        "text",
        "The folder on the controller for the page, the receipt and the record of each rollout; "
        "empty for rollouts, beside the inventory, and none writes nothing.",
        "a folder, or none",
        "/srv/www/rollouts",
        values.folder,
        "",
    ),
    Variable(
        "fleet_extra_variables",
        "list",
        "Names or patterns of the team's own variables that begin with app_, fleet_ or the name of "
        "a role.",
        "names that begin so, such as nginx_site_banner; * and ? stand for parts of a name",
        "[app_colour, app_shop_*]",
        values.extra_variables,
        [],
        in_deployment=False,
    ),
)
