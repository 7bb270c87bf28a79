"""Results of two folders are compared with the ranks of their users, in whatever form these were written."""

import shutil

import polars as pl
import pytest

from linrec_cli import runs
from linrec_cli.analysis.verdict import Rule
from linrec_cli.results import store
from linrec_cli.runs.compare import compare, ranks

PAIRED = "no ranks on both sides"


@pytest.fixture
def results(here, data, quick):
    """Two folders of the same run."""
    for name in ("old", "new"):
        list(runs.sweep([quick()], data, here / name))
    return here


def quality(results):
    (found,) = [one for one in compare(results / "old", results / "new", Rule(yardstick="")) if one.kind == "quality"]
    return found


def widened(path):
    """Write ranks as an older linrec did, a stage a column."""
    frame = store.read_ranks(path)
    users = frame.filter(stage="test")["user"]
    store.write_frame(
        pl.DataFrame({"user": users} | {s: frame.filter(stage=s)["rank"] for s in ("valid", "test")}), path
    )


def test_ranks_of_both_sides_pair_their_users(results):
    found = quality(results)
    assert (found.verdict, found.change) == ("ok", 0.0)
    assert PAIRED not in found.note


def test_ranks_that_an_older_linrec_wrote_do_too(results):
    (path,) = (results / "old").glob(f"runs/*/{store.RANKS}")
    widened(path)
    assert pl.read_parquet(path).columns == ["user", "valid", "test"]
    assert PAIRED not in quality(results).note


def test_without_ranks_it_is_said(results):
    for path in (results / "old").glob(f"runs/*/{store.RANKS}"):
        path.unlink()
    assert PAIRED in quality(results).note


def test_ranks_of_results_that_lie_within_are_not_taken_for_ones_own(results):
    (own,) = (results / "new").glob(f"runs/*/{store.RANKS}")
    within = results / "new" / "before" / "runs" / own.parent.name
    shutil.copytree(own.parent, within)
    store.write_frame(store.read_ranks(own).with_columns(rank=pl.lit(7.0)), within / store.RANKS)
    (found,) = ranks(results / "new").values()
    assert found.equals(store.read_ranks(own))
    # Nor where there are none of one's own.
    own.unlink()
    assert ranks(results / "new") == {}


def test_a_run_whose_folder_has_another_name_is_the_run_that_it_was(results):
    (own,) = (results / "new").glob(f"runs/*/{store.RANKS}")
    (run,) = ranks(results / "new")
    own.parent.rename(own.parent.with_name("kept"))
    assert [*ranks(results / "new")] == [run]
    assert PAIRED not in quality(results).note


def test_settings_that_differ_are_named(here, data, quick):
    for name, lr in (("old", 0.001), ("new", 0.01)):
        list(runs.sweep([quick(lr=lr)], data, here / name))
    assert quality(here).note.startswith("another lr (0.001 against 0.01); --force")
