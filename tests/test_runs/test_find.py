"""A run is found by what a user calls it, or by what its settings say, whatever its folder is called."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from linrec_cli.errors import DataError, UsageError
from linrec_cli.results import schema, store
from linrec_cli.runs import find
from linrec_cli.settings import Train, digest, from_stored, resolved

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "cpu"
ONE = resolved(Train(attn="softmax", data="ring", data_digest="d"))


def made(folder, settings=ONE, *, table=True, weights=False, **more):
    """Write what a run of some settings leaves."""
    store.write_settings(asdict(settings) | more, folder / store.SETTINGS)
    if table:
        store.write_frame(schema.table({"run": folder.name}, [{"value": 1.0}]), folder / store.TABLE)
    if weights:
        (folder / "weights.safetensors").touch()
    return folder


def test_a_run_is_found_by_its_path_its_name_or_the_only_name_that_contains_what_is_given(tmp_path):
    one, two = (made(store.folder(tmp_path, name)) for name in ("ring-linear", "ring-linear-200"))
    assert find.find(str(two), Path("elsewhere")) == two
    assert find.find("ring-linear", tmp_path) == one
    assert find.find("200", tmp_path) == two


@pytest.mark.parametrize(("run", "message"), [("ring", "fits 2 runs; name one: ring-a, ring-b"), ("ting-a", "ring-a")])
def test_what_fits_none_or_several_is_refused(tmp_path, run, message):
    for name in ("ring-a", "ring-b"):
        made(store.folder(tmp_path, name))
    with pytest.raises(UsageError, match=message):
        find.find(run, tmp_path)


def test_a_folder_of_results_is_no_run(tmp_path):
    made(store.folder(tmp_path, "a"))
    with pytest.raises(UsageError, match="is a folder of results"):
        find.find(str(tmp_path), tmp_path)


def test_a_folder_of_the_same_name_that_holds_no_runs_is_in_nobodys_way(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = made(store.folder(Path("results"), "ml-100k-linear"))
    Path("ml-100k").mkdir()
    assert find.find("ml-100k", Path("results")) == one


def test_only_a_run_with_weights_is_trained(tmp_path):
    made(store.folder(tmp_path, "ring-a"))
    with_weights = made(store.folder(tmp_path, "ring-b"), weights=True)
    assert find.find("ring", tmp_path, trained=True) == with_weights
    with pytest.raises(UsageError, match="no finished run"):
        find.find("ring-a", tmp_path, trained=True)


def test_where_nothing_is_trained_yet_a_name_that_fits_none_says_how(tmp_path):
    made(store.folder(tmp_path, "ring-a"))
    with pytest.raises(
        UsageError, match=f"^no finished run 'b', nor any other in {tmp_path}; make one by linrec train"
    ):
        find.find("b", tmp_path, trained=True)


def test_where_there_is_no_run_it_is_said_how_to_make_one(tmp_path):
    with pytest.raises(DataError, match="linrec train"):
        find.folders(tmp_path)


def test_runs_are_looked_for_in_their_place_first_and_anywhere_else_then(tmp_path):
    moved = made(tmp_path / "old" / "a", table=False)
    assert find.folders(tmp_path) == [moved]
    placed = made(store.folder(tmp_path, "b"))
    assert find.folders(tmp_path) == [placed]


def test_a_training_is_found_by_its_name(tmp_path):
    folder = made(store.folder(tmp_path, ONE.name))
    assert find.same(ONE, tmp_path) == folder
    assert find.same(ONE, tmp_path, {}) == folder


def test_a_training_that_an_older_linrec_named_otherwise_is_found_by_its_settings(tmp_path):
    folder = made(store.folder(tmp_path, "ring-sasrec-softmax-200-s0-0123456789"))
    assert find.same(ONE, tmp_path) == folder
    assert find.same(replace(ONE, seed=1), tmp_path) is None
    assert find.same(replace(ONE, width=8), tmp_path) is None


def test_settings_that_older_runs_do_not_know_are_neutral_there(tmp_path):
    stored = {name: value for name, value in asdict(ONE).items() if name not in ("split", "objective", "loss")}
    folder = store.folder(tmp_path, "old")
    store.write_settings(stored, folder / store.SETTINGS)
    assert find.same(ONE, tmp_path) == folder
    assert find.same(replace(ONE, loss="bce"), tmp_path) is None


def test_what_the_data_are_called_is_no_difference_and_what_they_are_is(tmp_path):
    folder = made(store.folder(tmp_path, "old"))
    assert find.same(replace(ONE, data="circle"), tmp_path) == folder
    assert find.same(replace(ONE, data_digest="e"), tmp_path) is None


@pytest.mark.parametrize(
    "more",
    [{"of": "a-run", "k": [1], "seen": "rank", "stage": "test", "protocol": "full", "negatives_seed": 0},
     {"phase": ["step"]}, {"of_the_future": 1}],
    ids=["evaluation", "profile", "newer"],
)  # fmt: skip
def test_what_is_no_training_or_may_have_been_made_in_another_way_is_not_found(tmp_path, more):
    made(store.folder(tmp_path, "other"), **more)
    assert find.same(ONE, tmp_path) is None
    assert not find.trained(asdict(ONE) | more)
    assert find.trained(asdict(ONE) | {"source": "ring.csv", "prepared": "../data", "skip_bad": False, "user": "u"})


def test_of_equal_runs_one_with_a_table_comes_first_and_then_the_first_by_name(tmp_path):
    made(store.folder(tmp_path, "a"), table=False)
    made(store.folder(tmp_path, "d"), table=False)
    assert find.trainings(tmp_path) == {digest(ONE): store.folder(tmp_path, "a")}
    made(store.folder(tmp_path, "c"))
    made(store.folder(tmp_path, "b"))
    assert find.trainings(tmp_path) == {digest(ONE): store.folder(tmp_path, "b")}


@pytest.mark.parametrize("content", ["attn = [", "attn = 'softmax'\nwidth = 0", "attn = 'softmax'\nwidth = 'wide'"])
def test_a_damaged_run_hides_no_other(tmp_path, content):
    (made(store.folder(tmp_path, "a")) / store.SETTINGS).write_text(content, "utf-8")
    folder = made(store.folder(tmp_path, "b"))
    assert find.same(ONE, tmp_path) == folder


def test_every_run_of_the_reference_is_found_by_its_settings():
    paths = REFERENCE.glob(f"runs/*/{store.SETTINGS}")
    folders = [path.parent for path in paths if not path.parent.name.startswith(("profile-", "evaluate-"))]
    assert len(folders) > 50
    known = find.trainings(REFERENCE)
    for folder in folders:
        settings = from_stored(Train, store.read_settings(folder / store.SETTINGS))
        assert find.same(settings, REFERENCE, known) == folder
