"""A report as Markdown, for a pull request or the appendix of a paper: all of it but the figures."""

import re
from collections.abc import Iterator, Sequence

from linrec_cli.analysis.markup import escaped, escaped_line
from linrec_cli.plots.drawn import Drawn
from linrec_cli.reporting.content import Part, Table


def page(title: str, about: str, parts: Sequence[Part]) -> str:
    """Write the whole text."""
    return "\n".join(
        [f"# {escaped(title)}", "", escaped_line(about), "", *(line for part in parts for line in section(part))]
    )


def section(part: Part) -> Iterator[str]:
    """Write a part, line by line; one that has figures alone says how to draw them."""
    yield from (f"## {escaped(part.title)}", "")
    if part.sentences:
        yield from (f"{'  ' if text.startswith(' ') else ''}- {escaped_line(text.strip())}" for text in part.sentences)
        yield ""
    for one in part.tables:
        yield from table(one)
    yield from figures(part.figures)
    if part.commands:
        # No name in a command ends the block.
        longest = max((len(run) for command in part.commands for run in re.findall("`+", command)), default=0)
        fence = "`" * max(3, longest + 1)
        yield from (f"{fence}sh", *part.commands, fence, "")


def table(one: Table) -> Iterator[str]:
    """Write a table, numbers set right."""
    right = [all(line[place][:1] in "0123456789-+.–" for line in one.lines) for place in range(len(one.columns))]
    if one.title:
        yield from (f"**{escaped(one.title)}**", "")
    yield row(one.columns)
    yield f"|{'|'.join('--:' if number else '---' for number in right)}|"
    yield from map(row, one.lines)
    yield ""
    if one.caption:
        yield from (escaped_line(one.caption), "")
    yield from figures(one.figures)


def figures(some: Sequence[Drawn]) -> Iterator[str]:
    """Name figures and say what they show: Markdown has none."""
    if some:
        yield from ("Figures, drawn by `linrec plot`:", "")
        yield from (f"- {escaped(one.stem)}: {escaped_line(one.caption)}" for one in some)
        yield ""


def row(cells: Sequence[str]) -> str:
    """Write a line of a table."""
    return f"| {' | '.join(map(escaped, cells))} |"
