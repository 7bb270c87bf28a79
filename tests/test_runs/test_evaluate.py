"""An evaluation ranks what a run held out, under a protocol, with the data it was trained on."""

import re
from collections import Counter
from dataclasses import asdict

import polars as pl
import pytest

from linrec_cli import runs
from linrec_cli.errors import DataError, UsageError
from linrec_cli.evaluation.cold import cold
from linrec_cli.evaluation.summary import summary
from linrec_cli.protocols import uni100
from linrec_cli.results import schema, store
from linrec_cli.runs import events
from linrec_cli.settings import Evaluate, digest, setup

NOTE = "weights of mine; hardly anything to tell by: 30 items to rank among"
QUALITY = ["metric", "k", "value", "low", "high"]


def warm(rows):
    """Leave out what an evaluation alone tells: what training knew nothing of."""
    return rows.filter(~pl.col("metric").str.starts_with("cold_"))


@pytest.fixture
def trained(here, kept, quick):
    """A run in its folder."""
    folder = here / "results" / "runs" / "mine"
    return folder, runs.train(quick(), kept, folder)


def test_the_usual_way_gives_the_numbers_of_the_training(trained):
    folder, found = trained
    made = runs.evaluate(folder)
    assert warm(made.rows).select(QUALITY).equals(found.rows.filter(stage="test").select(QUALITY))
    assert made.ranks.equals(found.ranks.filter(stage="test"))


def test_without_a_folder_a_result_is_evaluated_and_nothing_touches_the_disk(here, data, quick):
    found = runs.train(quick(), data)
    made = runs.evaluate(found, data, Evaluate(stage="valid"))
    assert warm(made.rows).select(QUALITY).equals(found.rows.filter(stage="valid").select(QUALITY))
    assert not list(here.iterdir())
    with pytest.raises(DataError, match="give the data"):
        runs.evaluate(found)


def test_every_row_says_how_it_was_made(trained, monkeypatch):
    folder, found = trained
    made = runs.evaluate(folder, settings=Evaluate(stage="valid", seen="rank", k=(3,), protocol="full"))
    assert made.rows.schema == schema.COLUMNS
    assert set(made.rows["metric"]) == {"recall", "ndcg", "mrr", "repeat_share", "cold_items", "cold_users"}
    own = {
        "command": "evaluate", "attention": "linear", "model": "sasrec", "maxlen": 20, "stage": "valid", "k": 3,
        "seen": "rank", "protocol": "full", "split": "leave-one-out", "ties": "mean", "dtype": "float32",
        "note": NOTE, "setup": setup(found.settings), "data_digest": found.settings.data_digest,
        "threads": 1, "status": "ok", "objective": "next", "loss": "cross-entropy",
    }  # fmt: skip
    assert made.rows.drop_nulls("k").select(*own).unique().to_dicts() == [own]
    assert re.fullmatch("evaluate-valid-full-rank-[0-9a-f]{10}", made.rows["run"].unique().item())
    assert made.rows["device"].unique().item().startswith("cpu")


def test_a_run_of_the_evaluations_own_is_written(here, trained):
    folder, found = trained
    made = runs.evaluate(folder, settings=Evaluate(k=(2, 3), metrics=("gini", "mrr")), results_dir=here / "out")
    (own,) = (here / "out" / "runs").iterdir()
    assert own.name == made.rows["run"][0]
    assert store.read_table(own / store.TABLE).equals(made.rows)
    assert store.read_ranks(own / store.RANKS).equals(made.ranks)
    stored = store.read_settings(own / store.SETTINGS)
    how = {
        "of": "mine",
        "k": [2, 3],
        "metrics": ["gini", "mrr"],
        "protocol": "full",
        "seen": "auto",
        "stage": "test",
        "negatives_seed": 0,
    }
    told = {"source": "ring.csv", "device": "cpu", "threads": 1}
    assert (how | told).items() <= stored.items()
    assert asdict(found.settings).items() <= stored.items()
    # As seen from the new folder, which lies elsewhere.
    trained_on = store.read_settings(folder / store.SETTINGS)["prepared"]
    assert (own / stored["prepared"]).resolve() == (folder / trained_on).resolve()


def test_another_way_is_another_run_and_the_same_way_is_the_same(here, trained):
    folder, _ = trained
    ways = [{}, {"k": (1,)}, {"seen": "remove"}, {"stage": "valid"}, {}, {"threads": 2}, {"metrics": ("gini",)}]
    made = [runs.evaluate(folder, settings=Evaluate(**way), results_dir=here / "out") for way in ways]
    names = [one.rows["run"][0] for one in made]
    assert names[0] == names[4] == names[5]
    assert len({*names}) == 5 == len(list((here / "out" / "runs").iterdir()))


def test_other_weights_are_another_run(here, kept, quick):
    one, other = (runs.train(quick(seed=seed), kept) for seed in (0, 1))
    assert runs.evaluate(one, kept).rows["run"][0] != runs.evaluate(other, kept).rows["run"][0]


def test_the_same_weights_trained_otherwise_are_another_run(here, kept, quick):
    made = [runs.train(quick(model="popular", attn="auto", seed=seed), kept) for seed in (0, 1)]
    assert len({runs.evaluate(one, kept).rows["run"][0] for one in made}) == 2


def test_items_of_the_history_are_ranked_or_not_as_in_training_unless_asked(kept, quick):
    found = runs.train(quick(seen_items="remove"), kept)
    assert set(runs.evaluate(found, kept).rows["seen"]) == {"remove"}
    assert runs.evaluate(found, kept).ranks.equals(found.ranks.filter(stage="test"))
    assert set(runs.evaluate(found, kept, Evaluate(seen="rank")).rows["seen"]) == {"rank"}


@pytest.fixture
def wide(here, quick):
    """A data set that has a hundred items to draw from, and a run on it."""
    frame = pl.DataFrame(
        [(user, (7 * user + 3 * step * step) % 300, step) for user in range(300) for step in range(9)],
        schema=["user", "item", "time"], orient="row",
    )  # fmt: skip
    frame.write_csv(here / "wide.csv")
    data = runs.prepare("wide.csv", min_item=1)
    return data, runs.train(quick(model="popular", attn="auto"), data)


def test_negatives_are_drawn_once_and_kept_beside_the_data(wide, heard):
    data, found = wide
    first = runs.evaluate(found, data, Evaluate(protocol="uni100"), watch=heard)
    path = data.prepared.folder / "negatives-uni100-test-0.parquet"
    assert heard == [events.Drawn(path)]
    kept = pl.read_parquet(path)
    assert kept["user"].to_list() == data.sequences.users.tolist()
    assert kept["items"].list.len().unique().to_list() == [100] if kept["items"].dtype == pl.List else True
    again = runs.evaluate(found, data, Evaluate(protocol="uni100"), watch=heard)
    assert len(heard) == 1
    assert again.ranks.equals(first.ranks)
    # What is kept is what is ranked among.
    golds = data.sequences.flat[data.split("leave-one-out").test.place]
    kind = kept["items"].dtype
    store.write_frame(kept.with_columns(items=pl.Series([[gold] * 100 for gold in golds.tolist()], dtype=kind)), path)
    tied = runs.evaluate(found, data, Evaluate(protocol="uni100"))
    assert set(tied.ranks["rank"]) == {51.0}


@pytest.mark.parametrize(
    ("settings", "name"),
    [(Evaluate(protocol="pop100"), "negatives-pop100-test-0"),
     (Evaluate(protocol="uni100", stage="valid"), "negatives-uni100-valid-0"),
     (Evaluate(protocol="uni100", negatives_seed=7), "negatives-uni100-test-7")],
)  # fmt: skip
def test_other_negatives_are_kept_apart(wide, settings, name):
    data, found = wide
    runs.evaluate(found, data, settings)
    assert [path.stem for path in data.prepared.folder.glob("negatives-*")] == [name]


@pytest.mark.parametrize("stage", ["valid", "test"])
def test_negatives_are_drawn_for_the_seed_the_stage_and_the_rule_that_were_asked_for(wide, monkeypatch, stage):
    data, found = wide
    asked, drawn = [], uni100.negatives
    monkeypatch.setattr(uni100, "negatives", lambda *given: asked.append(given[2:]) or drawn(*given))
    for seed, seen in ((0, "remove"), (7, "remove"), (7, "rank")):
        runs.evaluate(found, data, Evaluate(protocol="uni100", stage=stage, negatives_seed=seed, seen=seen))
    assert asked == [(stage, 0, False), (stage, 7, False), (stage, 7, True)]


def test_numbers_of_other_negatives_are_told_apart_and_so_compared_with_none(wide):
    data, found = wide
    for settings, told in (
        (Evaluate(protocol="uni100"), "uni100"),
        (Evaluate(protocol="uni100", negatives_seed=7), "uni100:seed=7"),
        (Evaluate(), "full"),
    ):
        assert {*runs.evaluate(found, data, settings).rows["protocol"]} == {told}
    with pytest.raises(UsageError, match="--protocol full draws no negatives; leave --negatives-seed out"):
        runs.evaluate(found, data, Evaluate(negatives_seed=7))


def test_negatives_of_another_split_are_kept_apart(wide, quick):
    data, _ = wide
    found = runs.train(quick(model="popular", attn="auto", split="ratio:train=0.5"), data)
    made = runs.evaluate(found, data, Evaluate(protocol="uni100"))
    (path,) = data.prepared.folder.glob("negatives-*")
    assert path.stem == "negatives-ratio-train0.5-uni100-test-0"
    assert len(made.ranks) == len(pl.read_parquet(path)) > len(data.sequences.users)


def test_full_ranking_keeps_no_negatives(wide):
    data, found = wide
    runs.evaluate(found, data, Evaluate())
    assert not list(data.prepared.folder.glob("negatives-*"))


def test_metrics_are_the_mean_over_a_users_targets_and_then_over_users(wide, quick):
    data, _ = wide
    found = runs.train(quick(model="popular", attn="auto", split="ratio:train=0.5"), data)
    made = runs.evaluate(found, data, Evaluate(k=(50,)))
    assert made.rows.drop_nulls("k").select(QUALITY).rows() == summary(made.ranks, [50]).select(QUALITY).rows()
    by_user = made.ranks.with_columns(hit=pl.col("rank") <= 50).group_by("user").agg(pl.col("hit").mean())
    assert made.rows.filter(metric="recall")["value"].item() == pytest.approx(by_user["hit"].mean())


def test_other_data_than_it_was_trained_on_are_refused(data, quick):
    found = runs.train(quick(), data)
    other = runs.prepare(
        data.prepared.events.with_columns(item=pl.col("item").reverse()).select("user", "item", "time")
    )
    with pytest.raises(DataError, match="is not what the run was trained on"):
        runs.evaluate(found, other)


@pytest.mark.parametrize("settings", [{"attn": ["softmax"], "phase": ["step"]}, {"attn": "linear", "of": "a-run"}])
def test_what_is_no_training_is_refused(here, settings):
    store.write_settings(settings, here / "run" / store.SETTINGS)
    with pytest.raises(UsageError, match="is no training run"):
        runs.evaluate(here / "run")


def test_a_run_without_weights_says_how_to_get_them(trained):
    folder, _ = trained
    (folder / "weights.safetensors").unlink()
    with pytest.raises(
        DataError, match="or has lost them: start its `linrec train` again, with --fresh if that says it is done"
    ):
        runs.evaluate(folder)


@pytest.mark.parametrize("model", ["popular", "markov", "bert4rec"])
def test_every_kind_of_model_is_read_back_as_it_was(here, kept, quick, model):
    folder = here / "run"
    found = runs.train(quick(model=model, attn="auto", objective="auto"), kept, folder)
    assert runs.evaluate(folder).ranks.equals(found.ranks.filter(stage="test"))


def test_the_default_evaluation_keeps_the_name_it_had_before_metrics_could_be_asked_for():
    assert digest(Evaluate(seen="rank", k=(3,))) == "344c73b699"


def test_metrics_that_are_asked_for_stand_alone_those_of_lists_with_their_units(trained):
    folder, _ = trained
    made = runs.evaluate(folder, settings=Evaluate(metrics=("gini", "recall", "arp", "novelty"), k=(3, 2)))
    rows = made.rows.drop_nulls("k").select("metric", "k", "unit").rows()
    units = [("gini", "1"), ("arp", "events"), ("novelty", "bit")]
    assert rows == [("recall", 3, "1"), ("recall", 2, "1"), *((name, k, unit) for k in (3, 2) for name, unit in units)]
    how = made.rows.drop_nulls("k").select("stage", "split", "protocol", "seen", "note", "status")
    assert how.unique().rows() == [("test", "leave-one-out", "full", "rank", NOTE, "ok")]


@pytest.mark.parametrize("stage", ["valid", "test"])
@pytest.mark.parametrize("seen", ["remove", "rank"])
def test_metrics_of_lists_are_of_what_the_model_puts_first_before_each_target(kept, quick, stage, seen):
    found = runs.train(quick(model="popular", attn="auto", split="ratio:train=0.5"), kept)
    names = ("coverage", "arp", "novelty")
    made = runs.evaluate(found, kept, Evaluate(metrics=names, k=(1, 2), stage=stage, seen=seen))
    parts, sequences = kept.split("ratio:train=0.5"), kept.sequences
    starts, flat = sequences.offsets.tolist(), sequences.flat.tolist()
    histories = [flat[a:b] for a, b in zip(starts, parts.train.tolist(), strict=False)]
    events = Counter(item for history in histories for item in history)
    users = Counter(item for history in histories for item in {*history})
    by_user = {}
    there = set()
    for user, place in zip(parts.targets(stage).user.tolist(), parts.targets(stage).place.tolist(), strict=True):
        left = [n for n in range(1, 31) if seen == "rank" or n not in flat[starts[user] : place]]
        # Where popularity ties it is left open which one comes first: only its events are checked.
        best = sorted(left, key=lambda n: -events[n])[:2]
        by_user.setdefault(user, []).append(sum(events[n] for n in best) / max(1, len(best)))
        there |= {*best}
    value = dict(made.rows.filter(k=2).select("metric", "value").rows())
    assert value["arp"] == pytest.approx(sum(sum(row) / len(row) for row in by_user.values()) / len(by_user))
    assert 2 / 30 <= value["coverage"] <= 1
    assert min(users.values()) / 60 <= 2 ** -value["novelty"] <= max(users.values()) / 60


def test_lists_are_as_long_as_the_longest_cut_off_wherever_it_is_asked_for(wide):
    data, found = wide
    made = [runs.evaluate(found, data, Evaluate(k=k, metrics=("coverage",))).rows for k in ((2, 9), (9, 2))]
    values = [dict(rows.drop_nulls("k").select("k", "value").rows()) for rows in made]
    assert values[0] == values[1]
    assert values[0][2] < values[0][9]


def test_metrics_of_lists_are_refused_among_negatives(wide):
    data, found = wide
    with pytest.raises(UsageError, match="gini is of lists of all items"):
        runs.evaluate(found, data, Evaluate(protocol="uni100", metrics=("recall", "gini")))


def test_what_is_refused_keeps_no_negatives(here, quick):
    rows = [(f"u{user}", f"i{(user * 7 + step) % 120}", step) for user in range(60) for step in range(10)]
    pl.DataFrame(rows, schema=["user", "item", "time"], orient="row").write_csv("wide.csv")
    kept = runs.prepare("wide.csv", data_dir=here, min_item=0)
    folder = here / "wide"
    runs.train(quick(model="popular", attn="", objective=""), kept, folder)
    with pytest.raises(UsageError, match="gini is of lists of all items"):
        runs.evaluate(folder, kept, Evaluate(protocol="uni100", metrics=("gini",)))
    assert not list(kept.prepared.folder.glob("negatives*"))


def test_what_training_knew_nothing_of_is_counted_in_rows_of_its_own(here, quick):
    frame = pl.DataFrame(
        [(user, item, 100 * user + step) for user in range(30) for step, item in enumerate((user % 5, user, 7, 8))],
        schema=["user", "item", "time"], orient="row",
    )  # fmt: skip
    data = runs.prepare(frame, min_user=1, min_item=1)
    split = "global-time:quantile=0.8:targets=all"
    found = runs.train(quick(model="popular", attn="auto", split=split), data)
    made = runs.evaluate(found, data)
    rows = made.rows.filter(pl.col("metric").str.starts_with("cold_"))
    # Of 120 events the last 24 are tested: those of six users, whose own item nobody had before.
    assert rows.select("metric", "value", "unit").rows() == [
        ("cold_items", 6.0, "targets"),
        ("cold_users", 6.0, "users"),
    ]
    assert rows.select("stage", "split", "seen", "k").unique().rows() == [("test", split, made.rows["seen"][0], None)]
    assert len(made.ranks) == 6 * 3
    earlier = runs.evaluate(found, data, Evaluate(stage="valid")).rows
    expected = cold(data.sequences, data.split(split), "valid")
    assert {name: earlier.filter(metric=name)["value"].item() for name in expected} == expected
    assert expected != {"cold_items": 6, "cold_users": 6}
    assert rows["note"].str.contains("ranked like any other").all()
