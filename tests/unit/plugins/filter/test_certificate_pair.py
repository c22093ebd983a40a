"""The filter takes texts and gives what `prepare` makes of them."""

from __future__ import annotations

from datetime import datetime, timezone

from ansible_collections.asgi.fleet.plugins.filter.certificate_pair import FilterModule

from tests.unit.plugins.plugin_utils.inputs.certificates import NOW, make

certificate_pair = FilterModule().filters()["certificate_pair"]


def test_the_filter_tells_each_unreadable_half() -> None:
    pair = certificate_pair("no certificate", "no key", ["shop.example.com"])
    assert [refusal.partition(";")[0] for refusal in pair["refusals"]] == [
        "the provided certificate is not readable",
        "the provided key is not readable",
    ]
    assert (pair["certificate"], pair["key"]) == ("", "")


def test_the_filter_gives_the_pair_whatever_is_written_around_it() -> None:
    since = (datetime.now(timezone.utc) - NOW).days
    made = make(days=(since - 1, since + 90))
    around = "friendlyName: Caf\udce9\n"
    pair = certificate_pair(
        around + made.pem.decode(),
        around + made.key_pem("x").decode(),
        ["shop.example.com"],
        "",
        "x",
    )
    assert pair == {
        "certificate": made.pem.decode(),
        "key": made.key_pem().decode(),
        "refusals": [],
    }
