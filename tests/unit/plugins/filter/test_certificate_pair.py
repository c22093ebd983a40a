"""The filter takes texts and gives the refusals of `check_pair`."""

from ansible_collections.asgi.fleet.plugins.filter.certificate_refusals import FilterModule

certificate_refusals = FilterModule().filters()["certificate_refusals"]


def test_the_filter_tells_each_unreadable_half() -> None:
    refusals = certificate_refusals("no certificate", "no key", ["shop.example.com"])

    assert [refusal.partition(";")[0] for refusal in refusals] == [
        "the provided certificate is not readable",
        "the provided key is not readable",
    ]
