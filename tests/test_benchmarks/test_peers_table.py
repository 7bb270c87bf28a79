"""The table of peers counts what linrec has, and every line has a cell for everybody."""

from passages import peers
from passages._reference import Reference

from linrec_cli import catalog


def test_linrec_s_cells_are_counted(tmp_path) -> None:
    counts = peers.counted()
    assert counts["mechanisms"] == len(catalog.names("attentions"))
    assert counts["models"] == len(catalog.names("models"))
    # The three that keep every pair of positions.
    quadratic = {"softmax", "softmax-naive", "hstu"}
    assert counts["linear"] == counts["mechanisms"] - len(quadratic)
    assert f"| attention by an option | {counts['mechanisms']} |" in peers.few(Reference(tmp_path))


def test_every_line_has_a_cell_for_everybody_and_the_readme_some_of_them(tmp_path) -> None:
    assert {len(line) for line in peers.lines()} == {8}
    whole, few = (make(Reference(tmp_path)).splitlines() for make in (peers.every, peers.few))
    assert {*few} < {*whole}
    assert len(few) == 2 + len(peers.FEW)
