"""Names steer no terminal, and make no other file than theirs."""

import unicodedata

import pytest

from linrec_cli.data.store import folder_name
from linrec_cli.names import filed, shown, spec_filed
from linrec_cli.settings import Train


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Amélie (2001) – 天使 😀 [red]x[/red] \\x1b", "Amélie (2001) – 天使 😀 [red]x[/red] \\x1b"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("a\r\nb\nc\td\re", "a b c d e"),
        ("a\u2028b\x85c\x0bd\x0ce", "a b c d e"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("a\x00\x08\x7f", r"a\x00\x08\x7f"),
        ("caf\udce9", r"caf\xe9"),
        ("\ud800x\udc7f", r"\ud800x\udc7f"),
        ("  a  b ", "  a  b "),
    ],
)
def test_a_name_is_shown_on_one_line_and_steers_no_terminal(text, line):
    assert shown(text) == line


def test_no_sign_at_all_breaks_a_line_or_is_a_control():
    every = shown("".join(map(chr, range(0x110000))))
    assert {unicodedata.category(sign) for sign in every} & {"Cc", "Cs", "Zl", "Zp"} == set()
    assert len(every.splitlines()) == 1
    every.encode()


@pytest.mark.parametrize(
    "name", ["<b>x", "a|b", "[red]x", "x\x1b[0m", "a\nb", "..", "../../x", "`x`", "$x$", "caf\udce9"]
)
def test_one_cleaning_serves_the_folders_of_data_and_of_runs(name):
    assert folder_name(name) == (filed(name) or "data")
    assert spec_filed(name) == filed(name)
    assert Train(data=name).name.startswith(f"{filed(name)}-" if filed(name) else "sasrec-")
    for made in (folder_name(name), Train(data=name).name):
        assert shown(made) == made
        assert not set(made) & set("<>|[]`$/\\*: ")
        assert not made.startswith(".")


@pytest.mark.parametrize("name", ["-x", "--force", ".-.x", "*-x"])
def test_no_name_is_taken_for_an_option_or_hidden(name):
    assert filed(name)[0] not in "-."
    assert Train(data=name).name[0] not in "-."
    assert filed("a-.b") == "a-.b"
