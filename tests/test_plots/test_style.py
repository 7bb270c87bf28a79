"""Mechanisms look the same wherever they are drawn, and no two alike; names are no formulas."""

from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from linrec_cli import catalog
from linrec_cli.plots import style
from linrec_cli.plots.render import rendered

KNOWN = [*catalog.names("attentions"), *catalog.names("models")]
VARIANTS = [f"linear-gated:{name}=false" for name in ("decay", "norm", "gate")]


def test_no_two_mechanisms_look_alike():
    names = {*KNOWN, *VARIANTS, *(f"mechanism-{i}" for i in range(7))}
    looks = style.looks(names)
    assert {*looks} == names
    assert len({*looks.values()}) == len(names)


def test_a_mechanism_looks_the_same_whatever_else_is_drawn():
    for name in (*KNOWN, *VARIANTS, "mine"):
        assert style.looks([name])[name] == style.looks([*KNOWN, name])[name]
    alone = style.looks(["linear", "mine"])
    crowded = style.looks(["softmax", "elu"], ["linear", "mine"], ["linear"])
    assert {name: crowded[name] for name in alone} == alone


def test_the_mechanisms_that_are_compared_most_have_a_colour_each():
    looks = style.looks(style.FIRST)
    assert {*style.FIRST} <= {*KNOWN}
    assert len({look.colour for look in looks.values()}) == len(style.COLOURS)
    assert not any(look.hollow for look in looks.values())


def test_options_keep_the_colour_and_change_the_marker_or_the_line():
    looks = style.looks(["linear-gated", *VARIANTS])
    assert len({look.colour for look in looks.values()}) == 1
    assert len({(look.marker, look.dash) for look in looks.values()}) == 4


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
    style.titled(figure, "$a_1$ on $b$", "all", ["$c_1$ and $d$"])
    style.named(figure.subplots(), "over $e_1$ and $f$", "at $g_1$ and $h$")
    page = ElementTree.fromstring(rendered(figure, "svg"))
    said = ["".join(node.itertext()) for node in page.iter() if node.tag.endswith("}text")]
    assert {"$a_1$ on $b$", "$c_1$ and $d$", "over $e_1$ and $f$", "at $g_1$ and $h$"} <= {*said}


def test_the_label_of_a_figure_is_its_caption_in_whole_sentences():
    figure = Figure(figsize=(3, 4))
    style.titled(figure, "a on b", "Cost against length", ["at $c$   cpu\x1b", "two " * 30 + "lines"])
    assert figure.get_label() == f"a on b. Cost against length. At $c$, cpu\\x1b; {'two ' * 30}lines."
