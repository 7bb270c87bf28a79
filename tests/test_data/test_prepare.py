"""Preparation against a plain twin: filter, number, order."""

import datetime
import hashlib
import random
import struct
from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linrec_cli.data import card
from linrec_cli.data.prepare import Prepared, prepare
from linrec_cli.errors import DataError, UsageError

IDS = st.one_of(st.integers(-3, 6), st.sampled_from([-(2**62), 2**62, 10**12]))
NAMES = st.sampled_from(["10", "9", "a", "B", "é", "z", "aa", "😀"])
MINIMA = st.integers(0, 4)


def rows(ids: st.SearchStrategy) -> st.SearchStrategy[list[tuple]]:
    time = st.one_of(st.integers(0, 4), st.sampled_from([-(2**63), 2**63 - 1]))
    return st.lists(st.tuples(ids, ids, time), min_size=1, max_size=60)


def frame(events: list[tuple]) -> pl.LazyFrame:
    return pl.LazyFrame(events, schema=["user", "item", "time"], orient="row")


def core(events: list[tuple], min_user: int, min_item: int) -> list[tuple]:
    """Drop one offending row set at a time until none offends."""
    while True:
        users, items = Counter(e[0] for e in events), Counter(e[1] for e in events)
        left = [e for e in events if users[e[0]] >= min_user and items[e[1]] >= min_item]
        if left == events:
            return events
        events = left


def twin(events: list[tuple], min_user: int, min_item: int) -> list[tuple[int, int, int]]:
    events = core(events, min_user, min_item)
    key = lambda raw: raw.encode() if isinstance(raw, str) else raw  # noqa: E731
    users = {raw: n for n, raw in enumerate(sorted({e[0] for e in events}, key=key), 1)}
    items = {raw: n for n, raw in enumerate(sorted({e[1] for e in events}, key=key), 1)}
    return sorted(((users[u], items[i], t) for u, i, t in events), key=lambda e: (e[0], e[2]))


def same_as_twin(events: list[tuple], min_user: int, min_item: int) -> None:
    expected = twin(events, min_user, min_item)
    if not expected:
        with pytest.raises(DataError, match="lower them"):
            prepare(frame(events), min_user, min_item)
        return
    made = prepare(frame(events), min_user, min_item)
    assert made.events.rows() == expected
    assert made.users["length"].to_list() == list(Counter(e[0] for e in expected).values())
    counts = Counter(e[1] for e in expected)
    assert made.items["count"].to_list() == [counts[n] for n in made.items["item"]]
    left = core(events, min_user, min_item)
    assert set(made.users["raw"]) == {e[0] for e in left}
    assert set(made.items["raw"]) == {e[1] for e in left}
    assert made.card["rows_dropped"] == len(events) - len(left)
    assert made.card["duplicates"] == len(left) - len({e[:2] for e in left})


@given(rows(IDS), MINIMA, MINIMA)
def test_integers_are_prepared_as_a_plain_twin_does_it(events, min_user, min_item):
    same_as_twin(events, min_user, min_item)


@given(rows(NAMES), MINIMA, MINIMA)
def test_strings_are_prepared_as_a_plain_twin_does_it(events, min_user, min_item):
    same_as_twin(events, min_user, min_item)


@given(rows(NAMES), st.randoms())
def test_numbers_of_ids_do_not_depend_on_the_order_of_the_rows(events, rng):
    shuffled = rng.sample(events, len(events))
    made, other = (prepare(frame(e), 0, 0) for e in (events, shuffled))
    assert made.users.equals(other.users)
    assert made.items.equals(other.items)
    # Of events at one time the rows tell which is the last.
    assert made.card | {"repeat_share": 0} == other.card | {"repeat_share": 0}


def test_the_digest_depends_on_the_order_of_rows_only_where_times_tie():
    events = [(u, (u * 7 + t) % 5, t) for u in range(9) for t in range(6)]
    shuffled = random.Random(0).sample(events, len(events))
    assert prepare(frame(events), 0, 0).digest == prepare(frame(shuffled), 0, 0).digest
    tied = [(1, 1, 5), (1, 2, 5), (1, 3, 6)]
    assert prepare(frame(tied), 0, 0).digest != prepare(frame([tied[1], tied[0], tied[2]]), 0, 0).digest


def test_the_digest_is_that_of_items_then_offsets():
    made = prepare(frame([(1, 7, 0), (1, 9, 1), (2, 7, 0)]), 0, 0)
    content = struct.pack("<3i", 1, 2, 1) + struct.pack("<3q", 0, 2, 3)
    assert made.digest == hashlib.sha256(content).hexdigest()[:16]


def test_columns_are_narrow():
    made = prepare(frame([(1, 7, 0)]), 0, 0)
    assert made.events.schema == {"user": pl.UInt32, "item": pl.UInt32, "time": pl.Int64}
    assert made.users.columns == ["user", "raw", "length"]
    assert made.items.columns == ["item", "raw", "title", "count"]


def test_without_time_the_order_of_the_file_holds_and_times_say_nothing():
    events = pl.LazyFrame({"user": [2, 1, 2, 1], "item": [5, 6, 4, 4]})
    made = prepare(events, 0, 0)
    assert made.events["item"].to_list() == [3, 1, 2, 1]
    assert made.card["time"] == "file order"
    assert made.card["tied_neighbours_share"] == made.card["leak_share"] == card.NO_TIME
    empty = prepare(events.with_columns(time=pl.lit(None, pl.Int64)), 0, 0)
    assert empty.digest == made.digest


def test_a_long_chain_is_peeled_to_the_end():
    chain = [(n, n + d, n) for n in range(50) for d in (0, 1)]
    with pytest.raises(DataError, match="none of 100 events"):
        prepare(frame(chain), 2, 2)


def test_titles_and_features_stand_beside_their_items_and_are_null_where_there_are_none():
    told = pl.LazyFrame({
        "genres": [["War", "Drama"], [], None, ["None"]],
        "item": [9, 7, 7, 3],
        "title": ["nine", "seven", "again", "three"],
        "year": [1997, 1998, 1999, 2000],
        "tags": [["b"], ["a"], ["c"], ["d"]],
    })  # fmt: skip
    made = prepare(frame([(1, 7, 0), (1, 8, 1), (1, 9, 2), (1, 9, 3)]), 0, 0, told)
    assert made.items.columns == ["item", "raw", "title", "count", "genres", "tags"]
    assert made.items.rows() == [
        (1, 7, "seven", 1, [], ["a"]), (2, 8, None, 1, None, None), (3, 9, "nine", 2, ["War", "Drama"], ["b"]),
    ]  # fmt: skip


def test_items_are_told_of_under_ids_of_either_kind():
    made = prepare(
        pl.DataFrame({"user": [1, 1], "item": ["8", "x"]}), 0, 0, pl.DataFrame({"item": [8], "title": ["a"]})
    )
    assert made.items["title"].to_list() == ["a", None]


def test_what_is_told_of_items_does_not_alter_the_digest():
    events = frame([(1, 7, 0), (1, 8, 1)])
    told = pl.DataFrame({"item": [7], "genres": [["War"]]})
    made = prepare(events, 0, 0, told)
    assert made.digest == prepare(events, 0, 0).digest
    assert made.items["title"].to_list() == [None, None]
    assert made.items["genres"].to_list() == [["War"], None]


def test_a_frame_of_one_s_own_needs_no_file():
    events = pl.DataFrame({"item": ["b", "a", "b"], "user": [7, 7, 5], "time": [2, 1, 3], "rating": [0.5, 1, 1]})
    made = prepare(events, 0, 0)
    assert made.events.rows() == [(1, 2, 3), (2, 1, 1), (2, 2, 2)]
    assert prepare(events.lazy(), 0, 0).events.equals(made.events)
    assert (made.name, made.folder) == ("", None)
    assert prepare(events.drop("time"), 0, 0).events["item"].to_list() == [2, 2, 1]


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ([2.0, 1.0], [1, 2]),
        ([2.5, 1.0], [1_000_000, 2_500_000]),
        (["1970-01-02", "1970-01-01 00:00:01"], [1, 86_400]),
        ([datetime.datetime(1970, 1, 2), datetime.datetime(1970, 1, 1)], [0, 86_400_000_000]),
    ],
)
def test_times_of_a_frame_may_be_numbers_or_date_times(given, whole):
    made = prepare(pl.DataFrame({"user": [1, 1], "item": [8, 9], "time": given}), 0, 0)
    assert made.events.rows() == [(1, 2, whole[0]), (1, 1, whole[1])]


def test_a_frame_without_users_or_items_says_which_columns_it_needs():
    with pytest.raises(DataError, match="no column user; name the columns user, item and time"):
        prepare(pl.DataFrame({"item": [1]}))
    with pytest.raises(DataError, match="no column user and no item"):
        prepare(pl.DataFrame({"x": [1]}))


def test_a_time_that_is_none_is_refused():
    with pytest.raises(DataError, match="1 rows have no time"):
        prepare(pl.DataFrame({"user": [1, 1], "item": [1, 2], "time": [1.0, float("nan")]}), 0, 0)


@pytest.mark.parametrize("name", ["user", "item", "time"])
def test_a_missing_value_is_refused(name):
    events = frame([(1, 2, 3), (1, 3, 4)]).with_columns(pl.when(pl.col("item") == 2).then(pl.col(name)).alias(name))
    with pytest.raises(DataError, match=f"1 rows have no {name}"):
        prepare(events, 0, 0)


def test_what_is_no_id_is_refused():
    with pytest.raises(DataError, match="give integers or strings"):
        prepare(pl.LazyFrame({"user": [1.5], "item": [1]}), 0, 0)


def test_a_negative_minimum_is_refused():
    with pytest.raises(UsageError, match="0 or more"):
        prepare(frame([(1, 1, 1)]), -1, 0)


def test_nothing_at_all_is_refused():
    with pytest.raises(DataError, match="no events"):
        prepare(pl.LazyFrame(schema={"user": pl.Int64, "item": pl.Int64, "time": pl.Int64}), 0, 0)


def histories(*times: list[int]) -> Prepared:
    return prepare(frame([(u, n, t) for u, own in enumerate(times) for n, t in enumerate(own)]), 0, 0)


def test_the_card_counts_ties_by_hand():
    facts = histories([1, 1, 2, 2], [2, 3], [3]).card
    # Neighbours: 1-1, 1-2, 2-2 and 2-3; the first and third tie; one of three users ends on a tie.
    assert (facts["neighbours"], facts["tied_neighbours"]) == (4, 2)
    assert facts["tied_neighbours_share"] == 2 / 4
    assert facts["tied_last_share"] == 1 / 3
    assert facts["too_short"] == 2


def test_the_card_measures_leakage_by_hand():
    # Training ends at 1, 10 and 4: the tests at 3 and 6 lie before 10; the one at 12 is later than all.
    assert histories([1, 2, 3], [10, 11, 12], [4, 5, 6]).card["leak_share"] == 2 / 3
    # A user's own training does not count, nor that of users who cannot be split.
    assert histories([1, 2, 3], [99]).card["leak_share"] == 0
    assert histories([1], [2]).card["leak_share"] == card.NO_TIME


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), min_size=1, max_size=6))
def test_leakage_is_as_a_plain_twin_counts_it(times):
    users = [sorted(own) for own in times if len(own) >= 3]
    hit = [any(own[-1] < v[-3] for m, v in enumerate(users) if m != n) for n, own in enumerate(users)]
    found = histories(*times).card["leak_share"]
    assert found == (pytest.approx(sum(hit) / len(hit)) if hit else card.NO_TIME)


def test_each_quantile_of_the_lengths_is_a_length_that_is_there():
    lengths = histories(*([0] * n for n in (1, 2, 3, 4))).card["lengths"]
    assert lengths == {"min": 1, "p5": 1, "p25": 1, "median": 2, "p75": 3, "p95": 4, "max": 4}


def test_borders_of_parts_count_beside_the_order_of_events():
    frame = pl.DataFrame({"user": [1] * 4, "item": [5, 6, 7, 8], "time": [1, 2, 3, 4]})
    found = [prepare(frame.with_columns(part=pl.Series(part))) for part in ([0, 0, 1, 2], [0, 1, 1, 2], [0, 1, 2, 2])]
    assert len({one.digest for one in found}) == 3
    assert {tuple(one.events["item"]) for one in found} == {(1, 2, 3, 4)}


@pytest.mark.parametrize("time", [0, None])
def test_what_ties_in_a_part_stays_in_the_order_of_its_file(time):
    rows = {"user": [1, 2, 3] * 60, "item": [*range(180)], "part": ([0, 1] * 90), "time": [time] * 180}
    made = prepare(pl.DataFrame(rows, schema_overrides={"time": pl.Int64}))
    raw = made.items["raw"].gather(made.events["item"] - 1).to_list()
    assert raw == sorted(range(180), key=lambda n: (n % 3, n % 2))


@pytest.mark.parametrize("part", [[0, None, 1, 2], [0, 7, 1, 2], [0, -1, 1, 2], ["0", "0", "1", "2"], [0.0, 0.5, 1, 2]])
def test_a_row_of_no_part_is_refused(part):
    frame = pl.DataFrame({"user": [1] * 4, "item": [5, 6, 7, 8], "time": [1, 2, 3, 4], "part": part}, strict=False)
    with pytest.raises(DataError, match="a part is 0 for training, 1 for validation or 2 for test"):
        prepare(frame)
