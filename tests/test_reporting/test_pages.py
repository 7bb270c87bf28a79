"""The same parts as Markdown and as HTML: every word of them, nothing taken for markup."""

import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest
from matplotlib.figure import Figure

from linrec_cli.plots.drawn import Drawn
from linrec_cli.reporting import html, markdown
from linrec_cli.reporting.content import Part, Table

TABLE = Table("width_8 *all*", ["name", "ms", "MiB"], [["a|b", "1.50", "2"], ["_c_", "–", "oom"]], "1. made <so>")
PART = Part("Quality & cost", ["linear_x is *fast*", "  # deeper"], [TABLE], commands=["linrec train --attn 'a|b'"])


def drawn():
    return Drawn("a_figure", Figure(label="Cost & what it takes."), pl.DataFrame(), "profile")


def test_markdown_word_for_word():
    assert markdown.page("linrec: my_*results*", "- about", [PART]).splitlines() == [
        r"# linrec: my\_\*results\*", "", r"\- about", "",
        "## Quality & cost", "",
        r"- linear_x is \*fast\*", r"  - \# deeper", "",
        r"**width_8 \*all\***", "",
        "| name | ms | MiB |", "|---|--:|---|", r"| a\|b | 1.50 | 2 |", r"| \_c\_ | – | oom |", "",
        r"1\. made \<so>", "",
        "```sh", "linrec train --attn 'a|b'", "```",
    ]  # fmt: skip


def test_markdown_says_how_to_draw_the_figures_it_has_not():
    text = markdown.page("t", "a", [Part("Cost", figures=[drawn()])])
    assert text.endswith("## Cost\n\nFigures, drawn by `linrec plot`:\n\n- a_figure: Cost & what it takes.\n")


class Read(HTMLParser):
    """The cells of a table with their classes, the items of lists, and every text."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.items, self.texts, self.pictures, self.tag = [], [], [], [], ("", {})
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tag = tag, dict(attrs)
        if tag == "img":
            self.pictures.append(self.tag[1]["src"])

    def handle_data(self, data):
        tag, attrs = self.tag
        self.texts.append(data.strip())
        if tag in ("td", "th") and data.strip():
            self.cells.append((tag, data, attrs.get("class")))
        if tag == "li" and data.strip():
            self.items.append((data, attrs.get("class")))


def test_html_holds_the_same_words_with_columns_of_numbers_alone_set_right():
    page = Read(html.page("linrec: <results>", "about", [PART, Part("Next")]))
    assert page.cells == [
        ("th", "name", None), ("th", "ms", "number"), ("th", "MiB", None),
        ("td", "a|b", None), ("td", "1.50", "number"), ("td", "2", None),
        ("td", "_c_", None), ("td", "–", "number"), ("td", "oom", None),
    ]  # fmt: skip
    assert page.items == [("linear_x is *fast*", None), ("# deeper", "deeper")]
    for text in ("linrec: <results>", "about", "Quality & cost", "Next", "width_8 *all*", "1. made <so>",
                 "linrec train --attn 'a|b'"):  # fmt: skip
        assert text in page.texts


def test_html_has_a_picture_of_each_figure_within_itself():
    figure = Figure()
    figure.suptitle("said")
    shown = Drawn("a_figure", figure, pl.DataFrame(), "profile")
    (picture,) = Read(html.page("t", "a", [Part("Cost", figures=[shown])])).pictures
    head, _, content = picture.partition(",")
    assert head == "data:image/svg+xml;base64"
    # Letters are shapes: who reads it need not have the font.
    assert b"<text" not in b64decode(content)


@pytest.mark.parametrize("page", [markdown.page, html.page])
def test_a_part_without_anything_in_it_is_its_title_alone(page):
    assert "ul" not in page("t", "a", [Part("Alone")]).partition("Alone")[2].replace("</", "<")


def test_a_figure_stands_below_its_table_with_its_caption_in_words():
    one = replace(TABLE, figures=[drawn()])
    page = html.page("t", "a", [Part("Cost", tables=[one, TABLE])])
    first, second = (found.start() for found in re.finditer("</table>", page))
    assert first < page.index("<figure>") < second
    assert "<figcaption>Cost &amp; what it takes.</figcaption>" in page
    text = markdown.page("t", "a", [Part("Cost", tables=[one, TABLE])])
    assert text.index("| a\\|b |") < text.index("- a_figure: Cost") < text.rindex("| a\\|b |")


def test_no_command_ends_the_block_it_stands_in():
    text = markdown.page(
        "t", "a", [Part("To make them again", commands=["linrec train --data 'a````b'", "linrec show"])]
    )
    lines = text.splitlines()
    assert lines[lines.index("`````sh") + 1 :][:3] == ["linrec train --data 'a````b'", "linrec show", "`````"]
