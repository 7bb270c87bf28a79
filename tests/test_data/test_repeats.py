"""Events that stand twice, against a plain count."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linrec_cli.data import repeats
from linrec_cli.data.prepare import prepare
from linrec_cli.errors import UsageError

SMALL = st.integers(0, 3)
ROWS = st.lists(st.tuples(SMALL, SMALL, SMALL), min_size=1, max_size=40)


def frame(rows: list[tuple[int, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["user", "item", "time"], orient="row")


def raw(rows: list[tuple[int, int, int]], rule: str) -> list[tuple[int, int, int]]:
    """Give the events that a rule keeps, with their raw ids."""
    made = prepare(frame(rows), 0, 0, duplicates=rule)
    users, items = made.users["raw"].to_list(), made.items["raw"].to_list()
    assert made.card["duplicates_removed"] == len(rows) - made.events.height
    assert made.card["duplicates_rule"] == rule
    return [(users[user - 1], items[item - 1], time) for user, item, time in made.events.rows()]


@given(ROWS)
def test_rules_keep_what_a_plain_twin_keeps(rows: list[tuple[int, int, int]]) -> None:
    ordered = sorted(rows, key=lambda row: (row[0], row[2]))
    assert raw(rows, "keep") == ordered
    assert raw(rows, "drop") == list(dict.fromkeys(ordered))
    pairs = zip(ordered, [None, *ordered], strict=False)
    assert raw(rows, "consecutive") == [one for one, before in pairs if before is None or before[:2] != one[:2]]
    assert prepare(frame(rows), 0, 0).card["exact_duplicates"] == len(ordered) - len({*ordered})


def test_what_is_dropped_is_dropped_before_the_filter_and_changes_the_digest() -> None:
    rows = [(1, 1, 1)] * 5 + [(2, item, item) for item in range(5)] + [(3, item, item) for item in range(5)]
    kept, dropped = (prepare(frame(rows), 5, 2, duplicates=rule) for rule in ("keep", "drop"))
    assert (kept.users["raw"].to_list(), dropped.users["raw"].to_list()) == ([1, 2, 3], [2, 3])
    assert kept.digest != dropped.digest


def test_without_times_nothing_stands_at_one_time() -> None:
    rows = frame([(1, 1, 0), (1, 1, 0), (1, 2, 0)]).drop("time")
    assert prepare(rows, 0, 0).card["exact_duplicates"] == "n/a"
    assert prepare(rows, 0, 0, duplicates="consecutive").events.height == 2
    with pytest.raises(UsageError, match="take --duplicates consecutive"):
        prepare(rows, 0, 0, duplicates="drop")


def test_marks_stand_beside_the_events_they_are_of() -> None:
    events = pl.DataFrame({"user": [1, 1, 1, 2, 2], "item": [1, 1, 2, 2, 2], "time": [5, 5, 5, 5, 6]})
    assert repeats.exact(events).tolist() == [False, True, False, False, False]
    assert repeats.consecutive(events).tolist() == [False, True, False, False, True]
