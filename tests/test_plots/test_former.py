"""What was drawn of some results before and is no longer drawn goes; nothing else does."""

import pytest

from linrec_cli.cli.plot import FORMATS
from linrec_cli.errors import DataError
from linrec_cli.plots import former


def drawn(folder, results, *stems):
    for stem in stems:
        for suffix in ("png", "csv", "txt"):
            (folder / f"{stem}.{suffix}").write_text("x")
    former.remove(folder, results, stems)


def there(folder):
    return sorted({path.name.rpartition(".")[0] for path in folder.glob("[!.]*.*")})


def test_what_is_no_longer_drawn_goes_in_all_its_formats(tmp_path):
    drawn(tmp_path, tmp_path / "results", "a.b", "c")
    drawn(tmp_path, tmp_path / "results", "c", "d")
    assert there(tmp_path) == ["c", "d"]


def test_what_is_of_other_results_or_of_others_stays(tmp_path):
    (tmp_path / "mine.png").write_text("x")
    drawn(tmp_path, tmp_path / "one", "a")
    drawn(tmp_path, tmp_path / "two", "b")
    drawn(tmp_path, tmp_path / "two", "c")
    assert there(tmp_path) == ["a", "c", "mine"]
    drawn(tmp_path, tmp_path / "one", "d")
    assert there(tmp_path) == ["c", "d", "mine"]


def test_every_format_that_is_drawn_is_removed():
    assert {*FORMATS, "csv", "txt"} <= {*former.SUFFIXES}


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"results": 3}', '{"results": ["../../elsewhere"]}'])
def test_a_list_that_is_none_or_names_other_folders_removes_nothing(tmp_path, content):
    folder = tmp_path / "in" / "figures"
    folder.mkdir(parents=True)
    (tmp_path / "elsewhere.png").write_text("x")
    (folder / former.LIST).write_text(content)
    drawn(folder, folder / "results", "a")
    assert there(folder) == ["a"]
    assert (tmp_path / "elsewhere.png").exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot write"):
        former.remove(tmp_path / "file", tmp_path, ["a"])
