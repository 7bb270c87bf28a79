"""Numbers share a figure only if they were made in the same way, and each figure has a name of its own."""

import pytest

from linrec_cli.plots.groups import groups, looks, titles
from linrec_cli.results import schema

HOW = {"width": 64, "heads": 2, "layers": 2, "device": "cpu", "dtype": "float32", "threads": 1, "tokens": 4096}
RUN = HOW | {"command": "train", "dataset": "d", "model": "sasrec", "attention": "linear", "maxlen": 50, "seed": 0,
             "stage": "test", "metric": "ndcg", "k": 10, "value": 0.1}  # fmt: skip
TIME = HOW | {"command": "profile", "phase": "attention", "metric": "seconds", "attention": "linear", "value": 0.01,
              "run": "r", "layers": None}  # fmt: skip


def made(*rows):
    return groups(schema.table({}, rows))


@pytest.mark.parametrize(
    "key", ["dataset", "model", "width", "heads", "layers", "device", "dtype", "threads", "tokens"]
)
def test_numbers_made_differently_have_groups_and_stems_of_their_own(key):
    other = 128 if isinstance(RUN[key], int) else "other"
    both = made(RUN, RUN | {key: other, "value": 0.2})
    assert [one.points["value"].to_list() for one in both] == [[0.1], [0.2]]
    assert str(other) in both[1].stem
    assert both[0].stem != both[1].stem


@pytest.mark.parametrize("key", ["setup", "data_digest", "objective", "loss", "benchmark"])
def test_so_have_numbers_of_other_settings_and_of_other_data(key):
    values = (1, 2) if key == "benchmark" else ("x1", "x2")
    both = made(*(RUN | {key: value} for value in values))
    assert len({one.stem for one in both}) == 2
    assert [str(value) in one.stem for value, one in zip(values, both, strict=True)] == [True, True]


def test_what_all_share_is_in_no_stem():
    assert [one.stem for one in made(RUN, TIME | {"maxlen": 128})] == [
        "train-d-sasrec-w64-layers-2",
        "profile-attention-w64",
    ]


def test_names_that_are_the_same_but_for_letters_that_no_file_may_have_do_not_meet():
    assert len({one.stem for one in made(*(RUN | {"dataset": name} for name in ("a/b", "a$b")))}) == 2


def test_names_that_are_too_long_for_a_file_are_cut_and_do_not_meet():
    stems = {one.stem for one in made(*(RUN | {"dataset": "é" * 120 + end} for end in ("a", "b")))}
    assert len(stems) == 2
    assert all(len(stem.encode()) <= 210 for stem in stems)


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


def test_a_mechanism_looks_the_same_in_all_groups_of_a_table():
    given = looks(made(RUN, TIME | {"maxlen": 128}, TIME | {"maxlen": 128, "attention": "softmax"}))
    assert {*given} == {"linear", "softmax"}
