"""Figures as files: all of one stem, the same bytes for the same results, and no half of one."""

import polars as pl
import pytest
from matplotlib.figure import Figure

from linrec_cli.errors import DataError
from linrec_cli.plots.drawn import Drawn
from linrec_cli.plots.render import rendered, write

MAGIC = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


def drawn(stem="a-figure"):
    figure = Figure(label="What it shows.")
    figure.subplots().plot([1, 2], label="name")
    return Drawn(stem, figure, pl.DataFrame({"mechanism": ["a,b"], "value": [0.5]}), "profile")


def test_a_figure_is_written_in_each_format_beside_its_points_and_its_caption(tmp_path):
    paths = write(drawn(), tmp_path / "new", ["png", "svg", "pdf"])
    assert [path.name for path in paths] == [
        "a-figure.png",
        "a-figure.svg",
        "a-figure.pdf",
        "a-figure.csv",
        "a-figure.txt",
    ]
    for path in paths[:3]:
        assert path.read_bytes().startswith(MAGIC[path.suffix[1:]])
    assert pl.read_csv(paths[3]).rows() == [("a,b", 0.5)]
    assert paths[4].read_text() == "What it shows.\n"
    assert sorted(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(suffix):
    assert rendered(drawn().figure, suffix) == rendered(drawn().figure, suffix)


def test_letters_are_text_or_shapes():
    figure = Figure()
    figure.text(0.5, 0.5, "Hello")
    assert b">Hello</text>" in rendered(figure, "svg")
    assert b"<text" not in rendered(figure, "svg", paths=True)


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot write"):
        write(drawn(), tmp_path / "file", ["svg"])
