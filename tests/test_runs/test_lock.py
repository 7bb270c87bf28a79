"""A folder is given to one run alone, and does not stay where nothing was written."""

import pytest

from linrec_cli import disk
from linrec_cli.errors import DataError
from linrec_cli.runs import lock


def test_a_folder_is_given_to_one_run_alone(tmp_path):
    first, second = tmp_path / "runs" / "a", tmp_path / "runs" / "b"
    assert lock.fresh([first, second]) == first
    assert lock.fresh([first, second]) == second
    with pytest.raises(DataError, match="--results-dir"):
        lock.fresh([first, second])


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot make"):
        lock.fresh([tmp_path / "file" / "a"])


def test_a_folder_in_which_nothing_was_written_does_not_stay(tmp_path):
    with disk.locked(tmp_path / "a"):
        pass
    lock.leave(tmp_path / "a")
    assert not list(tmp_path.iterdir())
    lock.leave(lock.fresh([tmp_path / "never held"]))
    assert not list(tmp_path.iterdir())
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "table.parquet").touch()
    lock.leave(tmp_path / "b")
    assert (tmp_path / "b" / "table.parquet").is_file()
