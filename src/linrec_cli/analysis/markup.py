"""Text as Markdown shows it letter for letter."""

import re

from linrec_cli.names import shown

MARK = re.compile(
    r"""
    [\\`*\[\]<|~$]                      # what means something anywhere
    | (?<!\w)_+ | _+(?!\w)              # underscores that do not stand within a word
    | &(?=\#?\w+;)                      # the start of an entity
    """,
    re.VERBOSE,
)
START = re.compile(r"^(\d+(?=[.)]\s)|)((?<!\d)[#>+-]|(?<=\d)[.)])")
"""What makes a line a heading, a quotation or an item."""


def escaped(text: str) -> str:
    """Write a text so that nothing in it is taken for markup, on one line."""
    return MARK.sub(lambda found: "".join(f"\\{mark}" for mark in found[0]), shown(text))


def escaped_line(text: str) -> str:
    """Write a text that a line, or an item of a list, begins with."""
    return START.sub(r"\1\\\2", escaped(text))
