"""The figures of the JSON line."""

import io

from tests.load.tally import RequestError, Tally


def test_percentiles_are_never_better_than_the_truth() -> None:
    tally = Tally()
    for milliseconds in range(1, 101):
        tally.answered(milliseconds / 1000)
    assert tally.percentile_ms(0.5) == 50.1
    assert tally.percentile_ms(0.99) == 99.1
    assert tally.percentile_ms(1.0) == 100.0
    assert tally.result(10)["max_ms"] == 100.0


def test_rate_counts_answers_only() -> None:
    tally = Tally(requests=30)
    for _ in range(20):
        tally.answered(0.001)
    assert tally.result(10)["rps"] == 2.0


def test_run_without_an_answer_has_no_times() -> None:
    result = Tally().result(1)
    assert (result["p50_ms"], result["p99_ms"], result["max_ms"]) == (None, None, None)


def test_failures_are_counted_by_kind_and_by_client() -> None:
    tally = Tally()
    for client, kind in (("get-1", "eof"), ("get-2", "eof"), ("ws-1", "close_code")):
        tally.fail(client, RequestError(kind, "detail"))
    result = tally.result(1)
    assert result["failed"] == 3
    assert result["failed_by_kind"] == {"close_code": 1, "eof": 2}
    assert result["failed_by_client"] == {"get": 2, "ws": 1}


def test_releases_are_told_apart_by_slot_and_in_order() -> None:
    tally = Tally()
    for release, slot in (("b", "blue"), ("a", "green"), ("b", "blue")):
        tally.answered_by(release, slot)
    releases = tally.result(1)["releases"]
    assert isinstance(releases, list)
    assert [(seen["release"], seen["slot"], seen["answers"]) for seen in releases] == [
        ("b", "blue", 2),
        ("a", "green", 1),
    ]


def test_each_answer_is_noted_with_how_long_it_took() -> None:
    lines = io.StringIO()
    tally = Tally(answers=lines)
    tally.answered(0.25)
    tally.late(0.5)
    answer, late = (line.split() for line in lines.getvalue().splitlines())
    assert (answer[0], answer[2]) == ("answer", "0.250")
    assert (late[0], late[2]) == ("late", "0.500")
    assert float(answer[1]) <= float(late[1])
