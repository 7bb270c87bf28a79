"""Verdicts on quality: from users' ranks where they are there, from the table alone where they are not."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from linrec_cli.analysis.compare import compare
from linrec_cli.analysis.judge_quality import settled
from linrec_cli.analysis.significance import differences
from linrec_cli.analysis.verdict import Rule
from linrec_cli.analysis.verdict_text import lines
from linrec_cli.evaluation.summary import summary
from linrec_cli.results import rows, schema
from linrec_cli.settings import Train

USERS = 900


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch):
    monkeypatch.setattr("linrec_cli.analysis.significance.DRAWS", 1000)


def ranks_of(seed, worse=0.0):
    """Draw ranks of users, most alike from seed to seed; a share of the users is lost from the first ten."""
    taste, chance = np.random.default_rng(7), np.random.default_rng(seed)
    rank = np.floor(np.exp(taste.normal(2.5, 1.5, USERS) + chance.normal(0, 0.1, USERS))) + 1
    rank = np.where(chance.random(USERS) < worse, rank + 100, rank)
    stages = {"valid": rank[::-1].copy(), "test": rank}
    return pl.concat(
        pl.DataFrame({"stage": stage, "user": np.arange(USERS), "rank": ranks}) for stage, ranks in stages.items()
    )


def side(name, seeds, attn="linear", **more):
    """Make a side: the tables of its training runs, and their ranks."""
    frames, held = [], {}
    for seed in seeds:
        run = f"{name}-{attn}-{seed}"
        held[run] = ranks_of(100 * len(name) + seed, **more)
        made = rows.quality("test", summary(held[run].filter(stage="test"), [10]))
        settings = Train(attn=attn, seed=seed, data_digest="d")
        shared = rows.shared(settings, "train", run, datetime.now(UTC), {"device": "cpu", "torch": "2.9"})
        frames.append(schema.table(shared, made))
    return pl.concat(frames), held


def judge(base, new, with_ranks=True, **rule):
    (one,) = compare(base[0], new[0], Rule(**rule), (base[1], new[1]) if with_ranks else ({}, {}))
    return one


def test_a_loss_in_three_seeds_is_a_regression_and_the_other_way_round_an_improvement():
    base, new = side("old", (0, 1, 2)), side("newer", (0, 1, 2), worse=0.2)
    one = judge(base, new)
    assert (one.verdict, len(one.base), len(one.new)) == ("regression", 3, 3)
    assert one.change == pytest.approx(np.mean(one.new) / np.mean(one.base) - 1)
    assert one.p < 0.05
    assert judge(new, base).verdict == "improved"


def test_the_same_ranks_are_ok_from_one_seed():
    one = judge(side("old", (0,)), side("old", (0,)))
    assert (one.verdict, one.change, one.noise, one.note) == ("ok", 0.0, 0.0, "")


@pytest.mark.parametrize(
    ("change", "noise", "p", "expected"),
    [
        (-0.5, 0.6, 0.05, "regression"),
        (-0.5, 0.6, 0.051, "inconclusive"),
        (0.5, 0.6, 0.05, "improved"),
        (0.5, 0.6, 0.051, "inconclusive"),
        (-0.03, 0.001, 0.001, "regression"),
        # Sure, and too small to mind.
        (-0.01, 0.001, 0.001, "ok"),
        (0.01, 0.001, 0.001, "ok"),
    ],
)
def test_a_change_counts_where_chance_makes_it_once_in_twenty_and_it_is_beyond_the_limit(change, noise, p, expected):
    one = judge(side("old", (0,)), side("old", (0,)))
    judged = settled(replace(one, change=change, noise=noise, p=p), Rule(quality=0.02))
    assert judged.verdict == expected


def test_a_loss_that_is_sure_and_smaller_than_the_limit_is_ok():
    base, new = side("old", (0, 1, 2)), side("new", (0, 1, 2), worse=0.01)
    one = judge(base, new)
    assert (one.verdict, one.p < 0.01, one.change > -0.02) == ("ok", True, True)
    assert judge(base, new, quality=0.001).verdict == "regression"


def test_ranks_of_validation_items_alter_no_verdict():
    base, new = side("old", (0, 1, 2)), side("newer", (0, 1, 2), worse=0.004)
    alone = [(table, {run: held.filter(stage="test") for run, held in ranks.items()}) for table, ranks in (base, new)]
    assert judge(base, new) == judge(*alone)


def test_two_seeds_cannot_tell_a_loss_from_one_more_training():
    one = judge(side("old", (0, 1)), side("newer", (0, 1, 2), worse=0.5))
    assert (one.verdict, one.p) == ("inconclusive", None)
    assert "2 of the 3 seeds" in one.note


def test_a_loss_that_cannot_be_ruled_out_is_not_called_ok():
    base, new = side("old", (0, 1, 2)), side("newer", (0, 1, 2))
    wide, narrow = judge(base, new, quality=0.3), judge(base, new, quality=0.0001)
    assert wide.verdict == "ok"
    assert wide.noise > 0.0001
    assert narrow.verdict == "inconclusive"
    assert "too noisy to rule out a loss of 0.01 %" in narrow.note


def test_without_ranks_the_standard_errors_decide_less_sharply_and_the_note_says_so():
    base, new = side("old", (0, 1, 2)), side("newer", (0, 1, 2), worse=0.6)
    paired, coarse = judge(base, new), judge(base, new, with_ranks=False)
    assert coarse.verdict == "regression"
    assert coarse.note.startswith("no ranks on both sides")
    assert coarse.change == pytest.approx(paired.change)
    assert coarse.noise > paired.noise


def test_no_seed_in_common_is_not_compared_and_not_fine():
    one = judge(side("old", (0, 1, 2)), side("newer", (3, 4, 5)))
    assert (one.verdict, one.note, one.change) == ("inconclusive", "no seed in common", None)


def test_a_seed_that_is_gone_is_not_fine_although_the_others_are_the_same():
    base, new = side("old", (0, 1, 2, 3)), side("old", (0, 1, 2))
    one = judge(base, new)
    assert (one.verdict, one.change, one.note) == ("inconclusive", 0.0, "not in NEW: seed 3")
    assert judge(new, base).verdict == "ok"


def planted(*values):
    """Make a side of a seed a value, without ranks and with a standard error of .01 over users."""
    frames = []
    for seed, value in enumerate(values):
        made = {"metric": "ndcg", "k": 10, "value": value, "low": value - 0.01, "high": value + 0.01}
        shared = rows.shared(
            Train(attn="linear", seed=seed, data_digest="d"), "train", f"r{seed}", datetime.now(UTC), {"torch": "2.9"}
        )
        frames.append(schema.table(shared, rows.quality("test", pl.DataFrame([made]))))
    return pl.concat(frames), {}


def test_what_is_printed_is_what_the_change_is_computed_from():
    """Of .1, .2 and .6 the mean is .3 and the median .2; of .1, .2 and .3 both are .2: a change of -1/3, not of 0."""
    one = judge(planted(0.1, 0.2, 0.6), planted(0.1, 0.2, 0.3))
    assert one.sides == pytest.approx((0.3, 0.2))
    assert one.change == pytest.approx(-1 / 3)
    (line,) = lines([one])
    assert line[2:6] == ("NDCG@10", "0.3000", "0.2000", "-33.3 %")


def test_a_seed_of_one_side_alone_counts_in_no_mean():
    """The fourth seed would make the base's mean .475."""
    one = judge(planted(0.1, 0.2, 0.6, 1.0), planted(0.1, 0.2, 0.3))
    assert one.sides == pytest.approx((0.3, 0.2))
    assert one.base == (0.1, 0.2, 0.6)
    assert one.change == pytest.approx(-1 / 3)


def test_of_a_seed_that_was_trained_again_the_latest_counts():
    old, again = planted(0.1, 0.2, 0.6)[0], planted(0.4)[0]
    again = again.with_columns(created=pl.lit(datetime(2100, 1, 1, tzinfo=UTC), schema.COLUMNS["created"]))
    one = judge((pl.concat([again, old]), {}), planted(0.4, 0.2, 0.6))
    assert (one.base, one.verdict) == ((0.4, 0.2, 0.6), "ok")


def test_a_user_with_several_targets_counts_once():
    """User 0 has found one of two, user 1 the only one: .75 in the mean, and afterwards the other way round .5."""
    before = pl.DataFrame({"stage": "test", "user": [0, 0, 1], "rank": [1.0, 99.0, 1.0]})
    after = before.with_columns(rank=pl.Series([1.0, 99.0, 99.0]))
    found = differences({0: before.drop("stage")}, {0: after.drop("stage")}, "recall", 10)
    assert sorted(found["0"].to_list()) == [-1.0, 0.0]


def test_however_many_are_asked_a_clear_loss_is_told(monkeypatch):
    """Of 20 draws the least probability is 2/21, which Holm would raise to .38 for four cells."""
    monkeypatch.setattr("linrec_cli.analysis.significance.DRAWS", 20)
    mechanisms = ("linear", "softmax", "elu", "mean")
    sides = [
        [side(name, (0, 1, 2), attn, worse=worse) for attn in mechanisms] for name, worse in (("a", 0), ("b", 0.5))
    ]
    tables = [pl.concat([one[0] for one in group]) for group in sides]
    held = [{run: frame for one in group for run, frame in one[1].items()} for group in sides]
    found = compare(*tables, Rule(), (held[0], held[1]))
    assert [one.verdict for one in found if one.cell["metric"] == "ndcg"] == ["regression"] * 4


def test_more_cells_ask_more_of_each():
    mechanisms = ("linear", "softmax", "elu", "mean")
    base = [side("old", (0, 1, 2), attn) for attn in mechanisms]
    new = [side("newer", (0, 1, 2), attn, worse=0.01 * n) for n, attn in enumerate(mechanisms)]
    tables = [pl.concat([one[0] for one in group]) for group in (base, new)]
    held = [{run: frame for one in group for run, frame in one[1].items()} for group in (base, new)]
    together = {one.cell["attention"]: one.p for one in compare(*tables, Rule(), (held[0], held[1]))}
    alone = {attn: judge(*pair).p for attn, *pair in zip(mechanisms, base, new, strict=True)}
    assert all(together[attn] >= alone[attn] for attn in mechanisms)
    assert min(together.values()) == pytest.approx(min(1.0, 4 * min(alone.values())))
