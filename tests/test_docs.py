"""What the documents show works: their links lead somewhere, and their commands are ones that linrec takes."""

import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import typer
from typer._click.exceptions import MissingParameter
from typer.main import get_command

from linrec_cli.cli import app

TOP = Path(__file__).parents[1]
PAGES = [path for path in (*TOP.glob("*.md"), *TOP.glob("docs/*.md"), *TOP.glob("*/README.md")) if path.is_file()]
CODE = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# The commands of that page name what it adds; tests/test_added.py runs them.
OWN = "docs/adding.md"
NAMES = {str(path.relative_to(TOP)): path for path in PAGES}


def slug(heading: str) -> str:
    """Write a heading as its anchor."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    text = CODE.sub("", path.read_text("utf-8"))
    return {slug(found) for found in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def in_blocks(text: str) -> Iterator[str]:
    """Give the commands of linrec in a page's blocks of code."""
    return commands(line for block in CODE.findall(text) for line in block.replace("\\\n", " ").splitlines())


def in_sentences(text: str) -> Iterator[str]:
    """Give the commands of linrec in a page's sentences, which may leave out what they are given."""
    return commands(re.findall(r"`(linrec [^`]+)`", CODE.sub("", text).replace("\n", " ")))


def commands(lines: Iterable[str]) -> Iterator[str]:
    """Give what follows `linrec` in lines."""
    for line in lines:
        for part in re.split(r"&&?|\|\|?|;", re.sub(r"(?:^|\s)#.*$", "", line)):
            if found := re.search(r"(?:^|[\s/])linrec ([a-z].*)$", part.strip()):
                yield found[1]


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    path = NAMES[name]
    for link in LINK.findall(CODE.sub("", path.read_text("utf-8"))):
        if link.startswith("http"):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("name", [name for name in NAMES if name != OWN])
def test_commands_are_ones_that_linrec_takes(name: str) -> None:
    text = NAMES[name].read_text("utf-8")
    for command in in_blocks(text):
        parsed(command)
    for command in in_sentences(text):
        with suppress(MissingParameter):
            parsed(command)


def parsed(command: str) -> None:
    """Read a command as the command line would, and run nothing."""
    words = [word for word in shlex.split(command.replace("...", "")) if word not in ("[options]",)]
    known = get_command(app)
    # What goes to a file or comes from one is the shell's.
    words = words[: next((place for place, word in enumerate(words) if word[0] in "<>"), len(words))]
    name, *rest = words
    with typer.Context(known) as root:
        found = known.get_command(root, name)
        assert found is not None, command
        if "COMMAND" not in command and "--help" not in rest:
            found.make_context(name, rest, parent=root)


def test_a_command_that_linrec_does_not_take_is_found() -> None:
    text = "```sh\nlinrec train --attn linear   # fine\nx && .venv/bin/linrec plott\n```\nand `linrec\nshow --jsn`"
    assert [*in_blocks(text), *in_sentences(text)] == ["train --attn linear", "plott", "show --jsn"]
    for wrong in ("plott", "show --jsn", "train --maxlen"):
        with pytest.raises((AssertionError, typer.TyperException)):
            parsed(wrong)


def test_the_pages_that_there_are_are_read() -> None:
    assert {"README.md", "docs/ci.md", "docs/serving.md", "CONTRIBUTING.md"} <= NAMES.keys()
    texts = [path.read_text("utf-8") for path in PAGES]
    assert sum(len([*in_blocks(text)]) for text in texts) > 20
    assert sum(len([*in_sentences(text)]) for text in texts) > 25
