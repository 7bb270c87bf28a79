"""A flipped bit, a cut or an edited file is never silently used: results are named, what can be made anew is."""

import random
import shutil
from pathlib import Path

import polars as pl
import pytest
from safetensors.torch import load_file, save_file

from linrec_cli import runs
from linrec_cli.analysis.verdict import Rule
from linrec_cli.data import store as prepared_store
from linrec_cli.errors import DataError
from linrec_cli.results import store
from linrec_cli.runs import compare, events, find, read, recommend
from linrec_cli.runs.profile import names, place, write
from linrec_cli.runs.train import progress
from linrec_cli.settings import Evaluate, Profile
from linrec_cli.training import checkpoint

RESULTS = ["weights.safetensors", "table.parquet", "ranks.parquet", "history.parquet", "settings.toml"]
PLACES = ["start", "middle", "end"]
AMONG = Evaluate(protocol="uni100", k=(1, 3))


@pytest.fixture
def run(room):
    """The finished run."""
    (folder,) = room.glob("results/runs/ring-*")
    return folder


def flip(path, where, seed=0):
    """Flip a bit near the start, in the middle or near the end of a file."""
    content = bytearray(path.read_bytes())
    chance, near = random.Random(f"{path.name} {where} {seed}"), min(64, len(content))
    first = {"start": 0, "middle": (len(content) - near) // 2, "end": len(content) - near}[where]
    content[first + chance.randrange(near)] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lacks(folder):
    """What is told of a run's files; a peak that could not be read is no matter here."""
    return [line for line in read.read(folder).missing() if "peak" not in line]


def refused(room, name, *readers):
    """Check that each reader names the file in one line, says what to do and harms nothing."""
    before = snapshot(room)
    for reader in readers:
        with pytest.raises(DataError, match=name) as raised:
            reader()
        assert "\n" not in str(raised.value)
        assert any(way in str(raised.value) for way in ("--fresh", "make the run again", "delete that run"))
        assert raised.value.exit_code == 3
    after = {path: content for path, content in snapshot(room).items() if path.name != ".lock"}
    assert after == {path: content for path, content in before.items() if path.name != ".lock"}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("name", RESULTS)
def test_a_flipped_bit_in_a_result_is_refused_by_all_that_read_it(room, run, name, where, quick):
    flip(run / name, where)
    data = runs.prepare("ring.csv")
    readers = [
        lambda: runs.evaluate(run, results_dir=room / "results"),
        lambda: recommend.opened(run),
        lambda: runs.train(quick(), data, run),
    ]
    if name in ("table.parquet", "settings.toml"):
        readers.append(lambda: list(runs.sweep([quick()], data, room / "results")))
    if name == "table.parquet":
        readers.append(lambda: store.read(room / "results"))
    if name == "ranks.parquet":
        readers.append(lambda: compare.compare(room / "results", room / "results", Rule(yardstick="")))
    refused(room, name, *readers)


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("left", [0, 0.5, 0.999])
def test_so_is_one_that_is_cut(room, run, name, left):
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[: int(left * len(content))])
    refused(room, name, lambda: runs.evaluate(run, results_dir=room / "results"))


@pytest.mark.parametrize("name", RESULTS)
def test_a_list_of_runs_tells_what_is_damaged(run, name):
    assert not lacks(run)
    flip(run / name, "middle")
    (told,) = lacks(run)
    assert name in told
    assert "changed since it was written" in told


@pytest.mark.parametrize("name", ["table.parquet", "ranks.parquet", "settings.toml"])
def test_an_evaluation_is_read_again_no_more_believing(room, name):
    (folder,) = room.glob("results/runs/evaluate-*")
    flip(folder / name, "middle")
    assert len([told for told in lacks(folder) if name in told]) == 1
    if name == "table.parquet":
        refused(room, name, lambda: store.read(room / "results"))


@pytest.mark.parametrize("where", PLACES)
def test_a_flipped_bit_in_a_checkpoint_is_not_trained_on_and_fresh_begins_anew(room, where, quick):
    folder = room / "cut"
    flip(folder / checkpoint.CHECKPOINT, where)
    data = runs.prepare("ring.csv")
    before = (folder / checkpoint.CHECKPOINT).read_bytes()
    refused(room, checkpoint.CHECKPOINT, lambda: runs.train(quick(), data, folder))
    assert (folder / checkpoint.CHECKPOINT).read_bytes() == before
    assert checkpoint.CHECKPOINT in read.read(folder).damage
    if where == "middle":
        assert not runs.train(quick(epochs=1), data, folder, fresh=True).rows.is_empty()


@pytest.mark.parametrize("content", ["{}", "", '{"epoch": 1, "batch": 900, "seal": "SEAL"}'])
def test_how_far_an_interrupted_run_came_is_not_known_where_that_is_damaged(here, content):
    path = here / "progress.json"
    path.write_text(content.replace("SEAL", "linrec-sha256:" + "1" * 64 + ":sealed-by-linrec"))
    assert progress(here) == {}


@pytest.mark.parametrize("how", [*PLACES, "empty", "cut", "foreign", "other users", "no items"])
def test_negatives_that_are_damaged_or_foreign_are_drawn_anew(room, run, how, heard):
    (path,) = room.glob("datasets/ring/prepared-*/negatives-*.parquet")
    whole, frame = path.read_bytes(), pl.read_parquet(path)
    known = runs.evaluate(run, settings=AMONG)
    shuffled = frame.with_columns(items=pl.col("items").reverse())
    if how in PLACES:
        flip(path, how)
    elif how in ("empty", "cut"):
        path.write_bytes(whole[: len(whole) // 2] if how == "cut" else b"")
    elif how == "foreign":
        store.write_frame(shuffled, path, of="0" * 16)
    elif how == "other users":
        shuffled.with_columns(pl.col("user") + 1).write_parquet(path)
    else:
        frame.with_columns(items=(frame["items"].to_numpy() + 30).astype("uint32")).write_parquet(path)
    again = runs.evaluate(run, settings=AMONG, watch=heard)
    assert again.ranks.equals(known.ranks)
    assert heard.of(events.Drawn) == [events.Drawn(path.relative_to(room))]
    assert path.read_bytes() == whole


def test_negatives_of_an_older_linrec_are_used(room, run, heard):
    (path,) = room.glob("datasets/ring/prepared-*/negatives-*.parquet")
    pl.read_parquet(path).with_columns(items=pl.col("items").reverse()).write_parquet(path)
    (folder,) = room.glob("results/runs/evaluate-*")
    again = runs.evaluate(run, settings=AMONG, watch=heard)
    assert not heard
    assert not again.ranks.equals(store.read_ranks(folder / store.RANKS))


@pytest.mark.parametrize(("was", "now"), [("heads = 2", "heads = 4"), ('attn = "linear"', 'attn = "softmax"')])
@pytest.mark.parametrize("older", [False, True])
def test_edited_settings_are_refused_and_make_no_numbers(room, run, was, now, older, quick):
    path = run / store.SETTINGS
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# Not to be edited")
    path.write_text("\n".join(lines[older:]).replace(was, now))
    assert now in path.read_text()
    data = runs.prepare("ring.csv")
    refused(
        room, store.SETTINGS,
        lambda: runs.evaluate(run, results_dir=room / "results"),
        lambda: recommend.opened(run),
        lambda: list(runs.sweep([quick()], data, room / "results")),
    )  # fmt: skip


@pytest.mark.parametrize(("name", "content"), [(store.TABLE, b""), (store.SETTINGS, b"heads = 4\n")])
def test_what_is_damaged_can_be_made_anew(room, run, quick, name, content):
    (run / name).write_bytes(content)
    (again,) = runs.sweep([quick()], runs.prepare("ring.csv"), room / "results", fresh=True)
    assert again["run"][0] == run.name
    assert read.read(run).state == "finished"
    assert not lacks(run)


def test_weights_of_another_shape_are_one_line(room, run):
    weights = load_file(run / checkpoint.WEIGHTS)
    checkpoint.write({name: value[:1] for name, value in weights.items()}, run / checkpoint.WEIGHTS)
    refused(room, checkpoint.WEIGHTS, lambda: runs.evaluate(run))


def test_a_damaged_profile_is_not_gone_on_with(here):
    settings = Profile(attn=("linear",), maxlen=(16,), phase=("step",))
    folder = here / "runs" / next(names(settings))
    row = {"run": folder.name, "command": "profile", "attention": "linear", "metric": "seconds", "value": 1.0}
    write({"phase": ["step"]}, [row], folder)
    flip(folder / store.TABLE, "middle")
    refused(here, store.TABLE, lambda: place(settings, here))


@pytest.mark.parametrize("name", ["events.parquet", "users.parquet", "items.parquet", "card.toml"])
@pytest.mark.parametrize("where", PLACES)
def test_prepared_data_in_which_a_bit_flipped_are_made_anew(room, run, name, where):
    (path,) = room.glob(f"datasets/ring/prepared-*/{name}")
    whole, said = path.read_bytes(), []
    flip(path, where)
    assert prepared_store.by_digest(digest_of(run), Path("datasets")) is None
    runs.evaluate(run, report=said.append)
    assert any(f"{path.parent.relative_to(room)} is damaged" in line for line in said)
    assert path.read_bytes() == whole


def digest_of(run):
    return store.read_settings(run / store.SETTINGS)["data_digest"]


def test_where_they_cannot_be_it_is_told_which_are_damaged(room, run):
    (path,) = room.glob("datasets/ring/prepared-*/users.parquet")
    flip(path, "middle")
    (room / "ring.csv").unlink()
    said = []
    with pytest.raises(DataError, match=r"ring\.csv"):
        runs.evaluate(run, report=said.append)
    assert any(f"{path.parent.relative_to(room)} is damaged" in line for line in said)


def unsealed(folder):
    """Write the files of a run as an older linrec did."""
    for path in folder.glob("*.parquet"):
        pl.read_parquet(path).write_parquet(path)
    for path in folder.glob("*.safetensors"):
        save_file(load_file(path), path)
    for path in folder.glob("*.toml"):
        path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    assert not any(b"sealed-by" in path.read_bytes() for path in folder.iterdir())


def test_what_an_older_linrec_wrote_is_read_as_before(room, run):
    known = runs.evaluate(run)
    unsealed(run)
    (data,) = room.glob("datasets/ring/prepared-*")
    unsealed(data)
    said = []
    again = runs.evaluate(run, report=said.append)
    assert again.ranks.equals(known.ranks)
    assert said == [f"found {data.relative_to(room)}"]
    assert read.read(run).state == "finished"
    assert not lacks(run)
    assert find.same(known.settings, room / "results") == run


def test_copied_merged_and_added_to_a_run_stays_whole(room, run):
    known = runs.evaluate(run)
    shutil.copytree(room / "results", room / "merged")
    shutil.copytree(room / "results", room / "merged", dirs_exist_ok=True)
    other = room / "merged" / "runs" / run.name
    (other / "notes.txt").write_text("mine")
    (other / "mine.parquet").write_bytes(b"mine")
    assert runs.evaluate(other).ranks.equals(known.ranks)
    assert len(store.read(room / "merged")) == len(store.read(room / "results"))
    for name in ("ranks.parquet", "history.parquet"):
        (other / name).unlink()
    assert [line.partition(":")[0] for line in lacks(other)] == ["history.parquet", "ranks.parquet"]
