"""The made histories against what is known of them: their rule, their closed forms, their bounds."""

from math import comb

import numpy as np
import polars as pl
import pytest

from linrec_cli.datasets import _reach, synthetic
from linrec_cli.errors import UsageError

SPEC = "synthetic:users=20000:seed=3"


@pytest.fixture(scope="module")
def chosen() -> synthetic.Options:
    return synthetic.options(SPEC)


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    return synthetic.generate(SPEC).collect()


@pytest.fixture(scope="module")
def histories(events: pl.DataFrame) -> list[list[int]]:
    return events.group_by("user", maintain_order=True).agg("item")["item"].to_list()


def hits(scores: np.ndarray, golds: np.ndarray, histories: list[list[int]], remove: bool) -> float:
    """Count the share of golds among the ten best of `scores` [users, items + 1], ties shared."""
    scores = scores.copy()
    gold = scores[np.arange(len(golds)), golds]
    scores[:, 0] = -np.inf
    for row, history in zip(scores, histories, strict=True):
        if remove:
            row[history[:-1]] = -np.inf
    above = (scores > gold[:, None]).sum(1)
    ties = (scores == gold[:, None]).sum(1) - 1
    # Any order of ties is as likely: the share of the places within the ten that ties take.
    return float(np.mean(np.clip((10 - above) / (ties + 1), 0, 1)))


@pytest.mark.parametrize("remove", [True, False])
def test_who_knows_the_pairs_reaches_the_closed_form_under_both_seen_rules(
    remove: bool, chosen: synthetic.Options, histories: list[list[int]]
) -> None:
    parts = synthetic.parts(chosen)
    pair = dict(zip(parts.cues.tolist(), parts.answers.tolist(), strict=True))
    sample = histories[:4000]
    scores = np.zeros((len(sample), chosen.items + 1))
    for row, history in zip(scores, sample, strict=True):
        row[parts.noise] = 1.0
        row[history[:-1]] = -1.0
        row[pair[history[len(history) - 1 - chosen.lag]]] = 2.0
    golds = np.array([history[-1] for history in sample])
    best = synthetic.best_recall(chosen)
    error = (best * (1 - best) / len(sample)) ** 0.5
    assert abs(hits(scores, golds, sample, remove) - best) < 4 * error


@pytest.mark.parametrize("remove", [True, False])
def test_first_order_transitions_reach_less_than_half_and_no_more_than_their_bound(
    remove: bool, chosen: synthetic.Options, histories: list[list[int]]
) -> None:
    counts = np.zeros((chosen.items + 1, chosen.items + 1))
    for history in histories:
        np.add.at(counts, (history[:-2], history[1:-1]), 1.0)
    sample = histories[:4000]
    scores = counts[[history[-2] for history in sample]]
    reached = hits(scores, np.array([history[-1] for history in sample]), sample, remove)
    card = synthetic.card(SPEC)
    bound = card["first_order_recall_at_10"]
    assert reached < card["best_recall_at_10"] / 2
    assert reached < bound + 4 * (bound / len(sample)) ** 0.5


def test_who_sees_the_last_fifty_events_meets_the_bound_for_that(
    chosen: synthetic.Options, histories: list[list[int]]
) -> None:
    parts = synthetic.parts(chosen)
    pair = dict(zip(parts.cues.tolist(), parts.answers.tolist(), strict=True))
    sample = histories[:8000]
    scores = np.zeros((len(sample), chosen.items + 1))
    for row, history in zip(scores, sample, strict=True):
        window = history[-1 - synthetic.WINDOW : -1]
        row[parts.answers] = 1.0
        row[[pair[item] for item in window if item in pair]] = 0.0
        row[history[:-1]] = 0.0
    bound = synthetic.card(SPEC)["last_50_recall_at_10"]
    reached = hits(scores, np.array([history[-1] for history in sample]), sample, remove=True)
    assert abs(reached - bound) < 4 * (bound / len(sample)) ** 0.5


def test_the_closed_form_is_the_sum_over_all_histories() -> None:
    lag, noise, signal = 6, 14, 0.5
    expected = 0.0
    for m in range(3, 7):
        for n in range(m):
            chance = comb(m - 1, n) / 2 ** (m - 1)
            expected += chance * (signal + (1 - signal) * 9 / (noise - n)) / 4
    assert _reach.best(lag, noise, signal, k=10) == pytest.approx(expected)


def test_a_long_lag_does_not_overflow() -> None:
    card = synthetic.card("synthetic:lag=3000:items=20000")
    assert 0.6 < card["best_recall_at_10"] < 0.61
    assert 0 < card["last_50_recall_at_10"] < 0.01


def test_a_history_is_distinct_cues_then_their_answers_in_turn_or_noise(
    chosen: synthetic.Options, histories: list[list[int]]
) -> None:
    parts = synthetic.parts(chosen)
    cues, noise = set(parts.cues.tolist()), set(parts.noise.tolist())
    pair = dict(zip(parts.cues.tolist(), parts.answers.tolist(), strict=True))
    answered = slots = 0
    for history in histories[:2000]:
        assert len(set(history)) == len(history)
        assert cues.issuperset(history[: chosen.lag])
        assert chosen.lag / 2 <= len(history) - chosen.lag <= chosen.lag
        for cue, item in zip(history, history[chosen.lag :], strict=False):
            assert item == pair[cue] or item in noise
            answered += item == pair[cue]
            slots += 1
    assert answered / slots == pytest.approx(chosen.signal, abs=0.01)


def test_cues_are_drawn_uniformly(chosen: synthetic.Options) -> None:
    drawn = synthetic.distinct((20000, 3), 4, np.random.default_rng(0))
    seen = np.unique(drawn, axis=0, return_counts=True)[1]
    assert len(seen) == 24
    expected = 20000 / 24
    assert ((seen - expected) ** 2 / expected).sum() < 50


def test_every_row_can_take_every_number() -> None:
    drawn = synthetic.distinct((50, 64), 64, np.random.default_rng(0))
    assert (np.sort(drawn, axis=1) == np.arange(64)).all()


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others() -> None:
    first, again, other = (synthetic.generate(f"synthetic:users=50:seed={seed}").collect() for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)
    # What an item is, too.
    one, two = (synthetic.parts(synthetic.options(f"synthetic:seed={seed}")) for seed in (1, 2))
    assert not np.array_equal(one.cues, two.cues)


def test_histories_do_not_hang_on_how_many_users_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "USERS_AT_ONCE", 16)
    many = synthetic.generate("synthetic:users=40").collect()
    few = synthetic.generate("synthetic:users=32").collect()
    assert many["user"].to_list() == sorted(many["user"].to_list())
    assert many.filter(pl.col("user") < 32).equals(few)
    histories = many.group_by("user").agg("item")["item"].to_list()
    assert len({*map(tuple, histories)}) == 40, "those made later are made anew"


def test_of_an_odd_lag_there_are_slots_for_the_larger_half_at_least() -> None:
    lengths = synthetic.generate("synthetic:users=1000:lag=65").collect()["user"].value_counts()["count"]
    assert (lengths.min(), lengths.max()) == (65 + 33, 65 + 65)


def test_five_core_filtering_takes_nothing_from_the_defaults() -> None:
    events = synthetic.generate("synthetic").collect()
    assert events["item"].n_unique() == synthetic.DEFAULTS["items"]
    assert events["user"].n_unique() == synthetic.DEFAULTS["users"]
    for column in ("user", "item"):
        assert events[column].value_counts()["count"].min() >= 5


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("synthetic:lag=50", "lag=50 of 'synthetic' is out of range; give 51 to 4,096"),
        ("synthetic:items=255", "at least 256"),
        ("synthetic:signal=0.9", "best Recall@10 0.90"),
        ("synthetic:signal=0.2", "best Recall@10"),
        ("synthetic:signal=nan", "give 0.01 to 0.99"),
        ("synthetic:signal=1", "give 0.01 to 0.99"),
        ("synthetic:users=0", "give 1 to 1,000,000"),
        ("synthetic:users=999999999", "give 1 to 1,000,000"),
        ("synthetic:users=1000000:lag=101:items=1000", "more than 100,000,000 events"),
        ("synthetic:seed=-1", "seed"),
        ("synthetic:lagg=60", "did you mean 'lag'"),
        ("synthetic:users=many", "give int"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_one_line(spec: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        synthetic.generate(spec)
    assert "\n" not in str(caught.value)
