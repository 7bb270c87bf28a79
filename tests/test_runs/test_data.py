"""The data of a run: from a frame, a name or a file, and found again by their digest."""

import importlib
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
import pytest

from linrec_cli import runs
from linrec_cli.cli import run
from linrec_cli.errors import DataError, UsageError
from linrec_cli.results import store
from linrec_cli.runs.data import beside, laid_out, of_run, trained_on
from linrec_cli.runs.recommend import opened, recommend
from linrec_cli.runs.train import settled
from linrec_cli.settings import Evaluate, Reading


@pytest.fixture
def frame(data):
    """The events of the ring as they were prepared, which prepare to themselves."""
    return data.prepared.events


def test_a_frame_and_a_file_of_the_same_events_are_the_same_data(data, kept):
    assert data.prepared.digest == kept.prepared.digest
    assert data.sequences.flat.equal(kept.sequences.flat)
    assert (data.name, kept.name) == ("ring", "ring")
    assert (data.prepared.folder, dict(data.source)) == (None, {})
    assert kept.source == {"source": "ring.csv"} | asdict(Reading())


def test_a_frame_may_be_lazy_and_call_its_columns_otherwise(data, frame):
    named = frame.rename({"user": "who", "item": "what", "time": "when"}).lazy()
    found = runs.prepare(named, user="who", item="what", time="when")
    assert found.prepared.digest == data.prepared.digest
    assert found.sequences.times is not None
    assert found.name == "frame"


def test_rows_of_a_frame_that_stand_twice_are_dropped_where_that_is_asked_for(data, frame):
    twice = pl.concat([frame, frame])
    assert runs.prepare(twice, duplicates="drop").prepared.digest == data.prepared.digest
    assert len(runs.prepare(twice).sequences.flat) == 2 * len(data.sequences.flat)


def test_a_column_that_is_told_counts_before_one_of_the_usual_name(data, frame):
    both = frame.rename({"item": "asin"}).with_columns(item=pl.lit(7))
    assert runs.prepare(both, item="asin").prepared.digest == data.prepared.digest
    ordered = frame.with_columns(time=-pl.col("time"))
    found = runs.prepare(ordered, time="none")
    assert found.sequences.times is None
    assert found.prepared.digest == data.prepared.digest
    swapped = frame.rename({"user": "item", "item": "user"})
    assert runs.prepare(swapped, user="item", item="user").prepared.digest == data.prepared.digest


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"item": "nope"}, "no column 'nope'; known: user, item, time"),
        ({"skip_bad": True, "time_format": "day-first"}, "time_format, skip_bad only fits files"),
        ({"valid": "x", "test": "y"}, "valid, test only fits files"),
        ({"columns": "a,b"}, "columns only fits files"),
    ],
)
def test_what_does_not_fit_a_frame_is_refused(frame, how, message):
    with pytest.raises(UsageError, match=message):
        runs.prepare(frame, **how)


def test_a_frame_without_times_is_in_their_order(frame):
    found = runs.prepare(frame.select("user", "item"))
    assert found.sequences.times is None
    assert found.sequences.flat.tolist() == frame["item"].to_list()


def test_users_and_items_with_few_events_are_left_out(frame):
    few = pl.DataFrame({"user": [99] * 4, "item": [1] * 4, "time": [0] * 4}, schema=frame.schema)
    found = runs.prepare(pl.concat([frame, few]))
    assert len(found.sequences.users) == 60
    assert len(runs.prepare(pl.concat([frame, few]), min_user=4).sequences.users) == 61
    with pytest.raises(DataError, match="lower them"):
        runs.prepare(frame, min_item=10_000)


def test_a_file_is_prepared_once_and_what_is_done_is_told(file):
    told = []
    first = runs.prepare("ring.csv", data_dir=Path("sets"), report=told.append)
    assert told[0] == "preparing ring"
    told.clear()
    again = runs.prepare(Path("ring.csv"), data_dir=Path("sets"), report=told.append)
    assert told == [f"found {first.prepared.folder}"]
    assert again.prepared.folder == first.prepared.folder
    assert first.prepared.folder.is_relative_to("sets")


def test_what_only_fits_a_file_is_refused_elsewhere(here):
    with pytest.raises(UsageError, match="--skip-bad"):
        runs.prepare("synthetic:users=60", skip_bad=True)


def test_a_split_is_any_of_the_folder_with_its_options(data):
    parts = data.split("ratio:train=0.6:valid=0.2")
    begin = data.sequences.offsets[:-1]
    # Of 25 events 15 are trained on, 5 validated and 5 tested.
    assert set((parts.train - begin).tolist()) == {15}
    assert (len(parts.valid), len(parts.test)) == (60 * 5, 60 * 5)
    with pytest.raises(UsageError, match="leave-one-out"):
        data.split("leave-two-out")


@pytest.mark.parametrize(
    ("path", "folder", "seen"),
    [("datasets/a", "results/runs/b", "../../../datasets/a"), ("datasets/a", "datasets/a", "."), ("a", ".", "a")],
)
def test_a_path_is_written_as_seen_from_the_runs_folder(here, path, folder, seen):
    assert beside(Path(path), Path(folder)) == seen


def test_a_path_on_another_drive_is_written_whole(here, monkeypatch):
    def apart(*args):
        raise ValueError("on another drive")

    monkeypatch.setattr("os.path.relpath", apart)
    assert beside(Path("a"), Path("b")) == (here / "a").as_posix()


def test_other_data_than_asked_for_are_refused(data):
    assert trained_on(data, {"data_digest": data.prepared.digest}) is data
    with pytest.raises(DataError, match=f"ring is not what .* {data.prepared.digest}, then 0"):
        trained_on(data, {"data_digest": "0"})


def with_colours(prepared, colours):
    """Give items of some data colours, in turn."""
    named = [[colours[number % len(colours)]] for number in range(len(prepared.items))]
    return replace(prepared, items=prepared.items.with_columns(colours=pl.Series(named)))


def test_times_or_features_count_where_the_model_reads_them(data, frame, quick):
    later = runs.prepare(frame.with_columns(time=pl.col("time") ** 2), name="ring")
    red, blue = (
        laid_out(with_colours(data.prepared, colours), {}) for colours in (["red", "green"], ["red", "red", "blue"])
    )
    assert later.prepared.digest == red.prepared.digest == data.prepared.digest
    plain, timed, aware, coloured = "hstu", "hstu:time=true", "hstu:time=true:time_aware=true", "fdsa"

    def name(model, found):
        return settled(quick(model=model, attn="auto"), found).name

    assert len({name(plain, one) for one in (data, later, red, blue)}) == 1
    for model in (timed, aware):
        assert name(model, data) == name(model, red) != name(model, later)
    assert name(coloured, red) != name(coloured, blue)
    # And another's are not taken for those that a run was trained on.
    stored = asdict(settled(quick(model=timed, attn="auto"), data))
    assert trained_on(red, stored) is red
    with pytest.raises(DataError, match="ring is not what the run was trained on"):
        trained_on(later, stored)
    assert trained_on(later, stored | {"model": plain, "read_digest": ""}) is later
    # Events of others are none of its own, though their times may be.
    with pytest.raises(DataError, match="then of-others"):
        trained_on(data, stored | {"data_digest": "of-others"})


def test_times_count_where_the_split_reads_them(data, frame, quick):
    later = runs.prepare(frame.with_columns(time=pl.col("time") ** 2), name="ring")
    assert later.prepared.digest == data.prepared.digest
    for split, alike in (("leave-one-out", True), ("ratio", True), ("global-time:quantile=0.8", False)):
        one, other = (settled(quick(split=split), found) for found in (data, later))
        assert (one.name == other.name) == alike
        assert trained_on(data, asdict(one)) is data
    with pytest.raises(DataError, match="ring is not what the run was trained on"):
        trained_on(later, asdict(one))


@pytest.fixture
def trained(here, kept, quick):
    """A run on a file, in its folder; its ranks say whether the same data were found."""
    folder = here / "results" / "runs" / "mine"
    found = runs.train(quick(), kept, folder)
    return folder, found.ranks.filter(stage="test")


def test_a_run_is_evaluated_from_any_folder(trained, tmp_path_factory, monkeypatch):
    folder, ranks = trained
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert runs.evaluate(folder).ranks.equals(ranks)
    assert not list(Path.cwd().iterdir())


def test_a_run_is_evaluated_after_the_raw_file_is_gone(trained, file):
    folder, ranks = trained
    file.unlink()
    told = []
    assert runs.evaluate(folder, report=told.append).ranks.equals(ranks)
    (prepared,) = Path("datasets").glob("ring/prepared-*")
    assert told == [f"found {prepared}"]


def test_a_run_is_evaluated_with_the_data_sets_moved(trained, file, here):
    folder, ranks = trained
    file.unlink()
    (here / "datasets").rename(here / "moved")
    assert runs.evaluate(folder, data_dir=here / "moved").ranks.equals(ranks)


def test_a_run_and_its_data_may_be_moved_together(trained, file, here, monkeypatch):
    folder, ranks = trained
    file.unlink()
    (here / "away").mkdir()
    for name in ("datasets", "results"):
        shutil.move(here / name, here / "away" / name)
    assert runs.evaluate(here / "away" / "results" / "runs" / folder.name).ranks.equals(ranks)


def test_an_evaluation_finds_the_data_as_its_run_does(trained, file, here):
    folder, _ = trained
    file.unlink()
    runs.evaluate(folder, settings=Evaluate(), results_dir=here / "elsewhere" / "results")
    (own,) = (here / "elsewhere" / "results" / "runs").iterdir()
    found = of_run(store.read_settings(own / store.SETTINGS), own, here / "nowhere")
    assert found.prepared.folder is not None


def test_a_run_that_an_older_linrec_made_says_nothing_of_where_its_data_lie(trained, file):
    folder, ranks = trained
    file.unlink()
    stored = store.read_settings(folder / store.SETTINGS)
    store.write_settings({name: value for name, value in stored.items() if name != "prepared"}, folder / store.SETTINGS)
    assert runs.evaluate(folder).ranks.equals(ranks)


def test_data_that_are_nowhere_are_prepared_from_their_source(trained, here):
    folder, ranks = trained
    shutil.rmtree(here / "datasets")
    told = []
    assert runs.evaluate(folder, report=told.append).ranks.equals(ranks)
    assert told[0] == "preparing ring"


def test_data_that_are_gone_with_their_source_are_told_with_the_command_that_makes_them_anew(here, file, quick):
    pl.read_csv(file).rename({"user": "who", "item": "what"}).write_csv(file)
    runs.train(quick(), runs.prepare(file.name, min_item=1, user="who", item="what", skip_bad=True), here / "run")
    shutil.rmtree(here / "datasets")
    file.rename("away.csv")
    with pytest.raises(DataError, match=r"the data of run are gone, and so is ring\.csv") as caught:
        runs.evaluate(here / "run")
    command = str(caught.value).split("`")[1]
    assert command == "linrec preprocess ring.csv --user who --item what --skip-bad --min-item 1"
    Path("away.csv").rename(file)
    assert run(command.split()[1:]) == 0
    assert len(runs.evaluate(here / "run").ranks)


def test_a_run_ranks_without_the_files_that_nobody_needs_for_it(trained):
    folder, ranks = trained
    for name in (store.RANKS, "history.parquet"):
        (folder / name).unlink()
    assert runs.evaluate(folder).ranks.equals(ranks)
    assert len(recommend(opened(folder), 3, histories=[["i3"]])) == 3


def test_settings_that_are_gone_are_told_as_gone(trained):
    folder, _ = trained
    (folder / store.SETTINGS).unlink()
    with pytest.raises(DataError, match=r"settings.toml is gone, .*; put it back, or train again\.$"):
        runs.evaluate(folder)
    with pytest.raises(DataError, match="no run at"):
        runs.evaluate(folder.with_name("nothing"))


def test_they_are_prepared_as_they_were(here, file, quick):
    few = pl.DataFrame({"user": ["few"] * 4, "item": ["i1"] * 3 + ["rare"], "time": range(4)})
    pl.concat([pl.read_csv(file), few]).rename({"user": "who", "item": "what", "time": "when"}).write_csv(file)
    data = runs.prepare(file.name, min_user=4, min_item=1, user="who", item="what", time="when")
    assert (len(data.sequences.users), data.sequences.count) == (61, 31)
    found = runs.train(quick(), data, here / "run")
    shutil.rmtree(here / "datasets")
    assert runs.evaluate(here / "run").ranks.equals(found.ranks.filter(stage="test"))


def test_a_source_that_is_no_longer_the_same_is_refused(trained, file, here):
    folder, _ = trained
    shutil.rmtree(here / "datasets")
    file.write_text(file.read_text("utf-8").replace("u0,", "u1,", 5), "utf-8")
    with pytest.raises(DataError, match="is not what the run was trained on"):
        runs.evaluate(folder)


def test_a_folder_that_holds_other_data_by_now_is_no_use(trained, file, here):
    folder, ranks = trained
    file.unlink()
    other = runs.prepare("synthetic:users=60", data_dir=here / "others")
    stored = store.read_settings(folder / store.SETTINGS)
    moved = beside(other.prepared.folder, folder)
    store.write_settings(stored | {"prepared": moved}, folder / store.SETTINGS)
    assert runs.evaluate(folder).ranks.equals(ranks)


def test_a_run_on_a_frame_asks_for_the_frame_again(here, data, quick):
    found = runs.train(quick(), data, here / "run")
    with pytest.raises(DataError, match="prepare it again, and give it"):
        runs.evaluate(here / "run")
    assert runs.evaluate(here / "run", data).ranks.equals(found.ranks.filter(stage="test"))


def test_whether_golds_repeat_is_found_once_for_each_split(kept, monkeypatch):
    module = importlib.import_module("linrec_cli.evaluation.repeats")
    asked = []
    monkeypatch.setattr(module, "share", lambda sequences, parts: asked.append(len(parts.test)) or 0.0)
    assert [kept.seen(split) for split in ("leave-one-out", "ratio", "leave-one-out")] == ["remove"] * 3
    assert asked == [len(kept.split(split).test) for split in ("leave-one-out", "ratio")]
    assert asked[0] != asked[1]


def test_that_events_are_in_the_order_of_the_file_is_said_of_every_run_on_them(here, quick):
    (here / "log.csv").write_text("user,item\n" + "".join(f"{u},{i}\n" for u in range(9) for i in range(9)))
    data = runs.prepare("log.csv")
    found = runs.train(quick(model="popular", attn="auto"), data, here / "run")
    assert found.rows["order"].unique().to_list() == ["file order"]
    said = []
    made = runs.evaluate(here / "run", report=said.append)
    assert made.rows["order"].unique().to_list() == ["file order"]
    assert "the order of the file is taken as the order of time" in said
