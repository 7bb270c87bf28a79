"""Runs against the first by user: what is compared, corrected and refused."""

from itertools import pairwise
from statistics import fmean, stdev

import numpy as np
import polars as pl
import pytest

from linrec_cli.analysis import side_by_side
from linrec_cli.analysis.side_by_side import alike, comparisons
from linrec_cli.analysis.significance import holm, t_test
from linrec_cli.errors import NothingMeasuredError, UsageError

ROW = {"data_digest": "d1", "split": "leave-one-out", "protocol": "full", "seen": "remove", "ties": "mean",
       "stage": "test", "time_aware": False, "model": "sasrec", "loss": "bce"}  # fmt: skip


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch):
    monkeypatch.setattr(side_by_side, "DRAWS", 2000)


def side(name, better=0.0, seed=0, users=200, **row):
    """Draw the ranks of a run, two targets of every third user; a share of them is ranked first."""
    rng = np.random.default_rng(seed)
    user = [n for n in range(users) for _ in range(1 + (n % 3 == 0))]
    rank = np.where(rng.random(len(user)) < better, 1.0, np.floor(np.exp(rng.normal(2, 1.5, len(user)))) + 1)
    return ROW | {"run": name} | row, pl.DataFrame({"stage": "test", "user": user, "rank": rank})


def of_users(frame, score):
    """Average a metric over each user's targets, the plain way."""
    found = {}
    for user, rank in frame.select("user", "rank").rows():
        found.setdefault(user, []).append(score(rank))
    return {user: fmean(values) for user, values in found.items()}


SCORES = {
    "ndcg": lambda rank: 1 / np.log2(1 + rank) if rank <= 10 else 0.0,
    "recall": lambda rank: float(rank <= 10),
}


def test_every_run_meets_the_first_by_both_metrics_on_each_users_mean():
    runs = [side("one"), side("two", 0.1, seed=1), side("three", 0.5, seed=2)]
    found = comparisons(runs)
    assert [(one.base, one.new, one.metric, one.k) for one in found] == [
        ("one", new, metric, 10) for new in ("two", "three") for metric in ("ndcg", "recall")
    ]
    frames = {row["run"]: frame for row, frame in runs}
    for one in found:
        base, new = (of_users(frames[name], SCORES[one.metric]) for name in (one.base, one.new))
        differences = [new[user] - base[user] for user in base]
        assert one.users == 200
        assert one.difference == pytest.approx(fmean(differences))
        assert one.d_z == pytest.approx(fmean(differences) / stdev(differences))
        assert one.t == pytest.approx(one.d_z * 200**0.5)
        assert one.low < one.difference < one.high
        # Normal intervals are near.
        assert (one.high - one.low) / 2 == pytest.approx(1.96 * stdev(differences) / 200**0.5, rel=0.1)


def test_probabilities_are_raised_over_all_comparisons_of_the_call():
    runs = [side("one"), side("two", 0.08, seed=1), side("three", 0.1, seed=2)]
    together = comparisons(runs)
    alone = [one for run in runs[1:] for one in comparisons([runs[0], run])]
    frames = [frame for _, frame in runs]
    raw = []
    for new in frames[1:]:
        for score in SCORES.values():
            base, mine = (of_users(frame, score) for frame in (frames[0], new))
            raw.append(t_test(np.array([mine[user] - base[user] for user in base]))[2])
    assert [one.p_t for one in together] == pytest.approx(holm(raw))
    assert any(many.p_t > few.p_t for many, few in zip(together, alone, strict=True))
    assert all(many.p_bootstrap >= few.p_bootstrap for many, few in zip(together, alone, strict=True))
    assert any(many.p_bootstrap > few.p_bootstrap for many, few in zip(together, alone, strict=True))
    assert all((many.low, many.high) == (few.low, few.high) for many, few in zip(together, alone, strict=True))


def test_however_many_runs_are_asked_about_a_clear_difference_is_told(monkeypatch):
    # Of 200 draws the least probability is 2/201, and four are asked: .04.
    monkeypatch.setattr(side_by_side, "DRAWS", 20)
    found = comparisons([side("one"), side("two", 0.5, seed=1), side("three", 0.5, seed=2)])
    assert [one.p_bootstrap for one in found] == pytest.approx([4 * 2 / 801] * 4)


def test_users_are_found_by_their_ids_whatever_their_order():
    first, (row, frame) = side("one"), side("two", 0.2, seed=1)
    straight, turned = (comparisons([first, (row, held)]) for held in (frame, frame.reverse()))
    assert [one.t for one in turned] == pytest.approx([one.t for one in straight])
    assert [one.difference for one in turned] == pytest.approx([one.difference for one in straight])


def test_a_run_against_itself_differs_in_nothing():
    for one in comparisons([side("one"), side("again")]):
        assert (one.difference, one.low, one.high, one.d_z, one.t) == (0.0,) * 5
        assert (one.p_t, one.p_bootstrap) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"data_digest": "d2"}, r"another data \(d1 against d2\)"),
        ({"split": "ratio"}, r"another split \(leave-one-out against ratio\)"),
        ({"seen": "rank"}, r"another seen \(remove against rank\)"),
        ({"protocol": "uni100"}, r"another protocol \(full against uni100\)"),
        ({"stage": "valid"}, r"another stage \(test against valid\)"),
        ({"ties": "best"}, "another ties"),
        ({"time_aware": True}, "another time_aware"),
        ({"split": "ratio", "seen": "rank"}, "another split .*, seen "),
    ],
)
def test_what_was_not_ranked_in_the_same_way_is_refused_in_one_line(change, why):
    with pytest.raises(UsageError, match=why) as raised:
        comparisons([side("one"), side("two"), side("three", **change)])
    assert str(raised.value).startswith("one and three cannot be compared by user: ")
    assert "\n" not in str(raised.value)


def test_how_a_model_was_made_may_differ():
    assert comparisons([side("one"), side("two", model="gru4rec", loss="sampled")])
    alike(ROW | {"run": "one"}, ROW | {"run": "two", "split": "ratio"}, ("data_digest",))


@pytest.mark.parametrize("cut", [lambda f: f[:-1], lambda f: f.with_columns(user=pl.col("user") + 1)])
def test_other_targets_are_refused(cut):
    row, frame = side("two")
    with pytest.raises(UsageError, match="one and two cannot be compared by user: other targets"):
        comparisons([side("one"), (row, cut(frame))])


def test_one_user_alone_tells_nothing():
    with pytest.raises(NothingMeasuredError, match="fewer than two users"):
        comparisons([side("one", users=1), side("two", users=1)])


def test_ten_thousand_draws_are_taken(monkeypatch):
    monkeypatch.undo()
    assert side_by_side.DRAWS == 10_000
    # None of the draws lies on the other side: the least probability there is, and Holm's two questions.
    found = comparisons([side("one"), side("two", 0.9, seed=1)])
    assert [one.p_bootstrap for one in found] == pytest.approx([2 * 2 / 10_001] * 2)


def test_the_order_of_probabilities_survives_the_correction():
    found = sorted(comparisons([side("one"), *(side(str(n), n / 20, seed=n) for n in range(1, 5))]), key=lambda c: c.t)
    assert all(a.p_t >= b.p_t for a, b in pairwise(found) if a.t > 0)
