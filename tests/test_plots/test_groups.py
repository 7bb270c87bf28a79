"""Numbers share a figure only if they were made in the same way, and each figure has a name of its own."""

import re
from datetime import UTC, datetime

import pytest

from linrec_cli.plots.groups import groups, looks, titles
from linrec_cli.plots.names import names
from linrec_cli.results import schema

HOW = {"width": 64, "heads": 2, "layers": 2, "device": "cpu", "dtype": "float32", "threads": 1, "tokens": 4096}
RUN = HOW | {"command": "train", "dataset": "d", "model": "sasrec", "attention": "linear", "maxlen": 50, "seed": 0,
             "stage": "test", "metric": "ndcg", "k": 10, "value": 0.1}  # fmt: skip
TIME = HOW | {"command": "profile", "phase": "attention", "metric": "seconds", "attention": "linear", "value": 0.01,
              "run": "r", "layers": None}  # fmt: skip


def made(*rows):
    return groups(schema.table({}, rows))


DAY = {"created": datetime(2026, 1, 1, tzinfo=UTC)}
LATER = {"created": datetime(2026, 2, 1, tzinfo=UTC)}


@pytest.mark.parametrize("key", ["dataset", "model", "width", "heads", "layers", "loss", "objective", "split"])
def test_numbers_made_differently_have_groups_of_their_own_and_a_name_says_what_is_not_usual(key):
    other = 128 if isinstance(RUN.get(key), int) else "other"
    both = made(RUN | {"setup": "a"}, RUN | {key: other, "value": 0.2, "setup": "b"})
    assert [one.points["value"].to_list() for one in both] == [[0.1], [0.2]]
    assert both[0].name == "d"
    assert str(other) in both[1].name
    assert not re.search("-[0-9a-f]{6}$", both[1].name)


@pytest.mark.parametrize(
    "key", ["setup", "data_digest", "benchmark", "device", "dtype", "threads", "tokens", "time_aware"]
)
def test_what_no_name_says_is_told_apart_by_a_digest_of_all_but_the_first_measured(key):
    values = {"time_aware": (False, True)}.get(key, (1, 2) if isinstance(HOW.get(key, 0), int) else ("x1", "x2"))
    values = ("x1", "x2") if key in ("setup", "data_digest") else values
    early, late = (RUN | {key: value} | day for value, day in zip(values, (DAY, LATER), strict=True))
    names = {one.keys[key]: one.name for one in made(late, early)}
    assert names[values[0]] == "d"
    assert re.fullmatch("d-[0-9a-f]{6}", names[values[1]])


def test_a_name_stays_whatever_else_lies_in_the_folder_and_is_measured_later():
    first, second, third = (RUN | {"setup": name} | day for name, day in (("a", DAY), ("b", LATER), ("c", LATER)))
    alone = {one.keys["setup"]: one.name for one in made(first, second)}
    among = {one.keys["setup"]: one.name for one in made(third, second, first, RUN | {"dataset": "e", "setup": "a"})}
    assert alone.items() <= {**among, "a": "d"}.items()
    assert len({one.name for one in made(third, second, first)}) == 3


def test_a_column_that_a_later_version_adds_renames_no_figure():
    keys = made(RUN)[0].keys
    assert names([keys, keys | {"threads": 8}], [None, None]) == names(
        [keys | {"novel": None}, keys | {"threads": 8, "novel": None}], [None, None]
    )


def test_what_was_begun_first_keeps_its_name_though_it_was_measured_again_since():
    long_ago, since = ({"created": datetime(year, 1, 1, tzinfo=UTC)} for year in (2025, 2027))
    old = [RUN | {"setup": "a"} | long_ago, RUN | {"setup": "a", "seed": 1} | since]
    found = {one.keys["setup"]: one.name for one in made(RUN | {"setup": "b"} | DAY, *old)}
    assert found["a"] == "d"
    assert found["b"] != "d"


def test_a_phase_gives_its_name_and_a_training_its_data():
    assert [one.name for one in made(RUN, TIME | {"maxlen": 128})] == ["d", "attention"]
    (own,) = made(RUN | {"model": "bert4rec", "objective": "cloze", "split": "leave-one-out"})
    assert own.name == "d-bert4rec"


@pytest.mark.parametrize("two", [("a/b", "a$b"), ("A", "a")])
def test_names_that_are_the_same_but_for_letters_that_no_file_may_have_or_tell_apart_do_not_meet(two):
    assert len({one.name.casefold() for one in made(*(RUN | {"dataset": name} for name in two))}) == 2


def test_no_name_is_too_long_for_a_file():
    for letter in ("x", "\N{GREEK SMALL LETTER OMEGA}", "\N{CJK UNIFIED IDEOGRAPH-4E00}"):
        long = made(*(RUN | {"dataset": letter * 300 + end} for end in "ab"))
        short, other = sorted((one.name for one in long), key=len)
        assert 76 < len(short.encode()) <= 80
        assert len(other.encode()) == len(short.encode()) + 7


def test_lengths_that_share_the_sequences_of_a_batch_share_a_group():
    (one,) = made(*(TIME | {"maxlen": n, "tokens": 8 * n} for n in (128, 256, 512)))
    assert one.points["maxlen"].to_list() == [128, 256, 512]
    assert (one.keys["batch"], one.keys["tokens"]) == (8, None)
    assert titles(one.keys)[1] == "batch 8   cpu   float32   threads 1"


def test_a_sequence_longer_than_the_tokens_of_a_batch_stands_beside_the_others():
    (one,) = made(*(TIME | {"maxlen": n, "tokens": max(n, 256)} for n in (128, 256, 512)))
    assert one.points["maxlen"].to_list() == [128, 256, 512]
    assert titles(one.keys)[1].startswith("256 tokens a batch")


def test_each_phase_has_a_group_and_parts_only_where_the_whole_has_none():
    phases = [("attention", "a"), ("forward", "a"), ("step", "a"), ("backward", "b")]
    found = made(*(TIME | {"maxlen": 128, "phase": phase, "run": run} for phase, run in phases))
    assert sorted(one.keys["phase"] for one in found) == ["attention", "backward", "step"]


def test_a_title_says_what_was_measured_and_of_what_size():
    train, profile = made(RUN, TIME | {"maxlen": 128, "phase": "step", "model": "sasrec"})
    assert titles(train.keys)[0] == "sasrec on d: width 64, 2 heads, 2 layers"
    assert titles(profile.keys)[0] == "sasrec, training step: width 64, 2 heads"


def test_how_many_epochs_trainings_had_is_told():
    epochs = [RUN | {"metric": "epochs", "stage": "train", "k": None, "value": n, "seed": n} for n in (15, 23)]
    (one,) = made(RUN, epochs[0])
    assert "15 epochs" in titles(one.keys)[1]
    (both,) = made(RUN, *epochs)
    assert "15 to 23 epochs" in titles(both.keys)[1]
    (single,) = made(RUN, epochs[0] | {"value": 1.0})
    assert "1 epoch " in titles(single.keys)[1]
    (none,) = made(RUN)
    assert "epochs" not in titles(none.keys)[1]


def test_a_mechanism_looks_the_same_in_all_groups_of_a_table():
    given = looks(made(RUN, TIME | {"maxlen": 128}, TIME | {"maxlen": 128, "attention": "softmax"}))
    assert {*given} == {"linear", "softmax"}
