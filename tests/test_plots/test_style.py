"""Mechanisms look the same wherever they are drawn, and no two alike; names are no formulas."""

from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from linrec_cli.plots import style
from linrec_cli.plots.render import rendered


def test_a_mechanism_keeps_its_look_and_no_two_share_one():
    names = [f"mechanism-{i}" for i in range(20)]
    looks = style.looks(names)
    assert len(set(looks.values())) == 20
    assert len({look.colour for look in style.looks(names[:7]).values()}) == 7
    assert style.looks(["linear"])["linear"] == style.looks(["linear", "softmax"])["linear"]


def test_no_colour_is_used_again_before_all_are_and_then_line_and_marker_tell_apart():
    looks = style.looks([f"mechanism-{i}" for i in range(21)]).values()
    for colour in style.COLOURS:
        mine = [look for look in looks if look.colour == colour]
        assert len(mine) == len({look.marker for look in mine}) == len({look.dash for look in mine}) == 3
        assert [look.hollow for look in mine] == [False, True, False]


def test_a_mechanism_of_more_figures_keeps_its_colour_before_others():
    common = style.looks(["softmax", "linear"])
    crowded = style.looks(["softmax", "linear"], [f"mechanism-{i}" for i in range(20)] + ["softmax", "linear"])
    assert {name: crowded[name] for name in common} == common


def test_there_is_a_look_for_any_number_of_mechanisms():
    assert len(style.looks([f"mechanism-{i}" for i in range(300)])) == 300


@pytest.mark.parametrize("exponent", ["", "  $T^{\\,0.99}$"])
@pytest.mark.parametrize("name", ["$x_1^2$", "a$b", "$", "$$", r"\$a$", r"\\frac$1^$", "a_b^c", r"{$\bad$"])
def test_a_name_is_shown_letter_for_letter_also_beside_an_exponent(name, exponent):
    figure = Figure()
    figure.text(0.5, 0.5, style.literal(name) + exponent)
    page = ElementTree.fromstring(rendered(figure, "svg"))
    (said,) = ["".join(node.itertext()) for node in page.iter() if node.tag.endswith("}text")]
    # A formula is set letter by letter, with spaces of its own.
    letters = "".join(said.split())
    assert letters.startswith(name)
    assert letters.removeprefix(name) == ("T0.99" if exponent else "")


def test_headings_captions_and_titles_of_panels_are_no_formulas():
    figure = Figure(figsize=(9, 4))
    style.titled(figure, "$a_1$ on $b$", ["$c_1$ and $d$"])
    style.named(figure.subplots(), "over $e_1$ and $f$", "at $g_1$ and $h$")
    page = ElementTree.fromstring(rendered(figure, "svg"))
    said = ["".join(node.itertext()) for node in page.iter() if node.tag.endswith("}text")]
    assert {"$a_1$ on $b$", "$c_1$ and $d$", "over $e_1$ and $f$", "at $g_1$ and $h$"} <= {*said}
