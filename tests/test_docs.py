"""What the documents show works: links lead somewhere, linrec takes the commands, and those in blocks do as is said."""

import importlib
import io
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
import typer
from typer._click.exceptions import MissingParameter
from typer.main import get_command

from linrec_cli import catalog
from linrec_cli.cli import app, run
from linrec_cli.results import store
from linrec_cli.runs.attempt import attempt

TOP = Path(__file__).parents[1]
PAGES = [path for path in (*TOP.glob("*.md"), *TOP.glob("docs/*.md"), *TOP.glob("*/README.md")) if path.is_file()]
CODE = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# The commands of that page name what it adds; tests/test_added.py runs them.
OWN = "docs/adding.md"
NAMES = {str(path.relative_to(TOP)): path for path in PAGES}
SHOWING = ["README.md", "docs/reproduce.md", "docs/serving.md", "docs/scale.md", "docs/ci.md"]
SMALL = {"epochs": 1, "width": 8, "heads": 1, "layers": 1, "tokens": 2000, "budget": 0.1, "items": 50}
"""What `linrec.toml` makes small where a command does not say it."""

EXTRA = {
    "docs/ci.md": ["train --attn linear --results-dir base/results", "train --attn linear --results-dir new/results"]
}
"""What a page has done by other means than `linrec`."""
LEFT = {
    "download --list": "ml-100k",
    "export RUN -o served": "served/card.json",
    "recommend RUN --file users.csv -o top.parquet": "top.parquet",
    "recommend RUN -o all.parquet": "all.parquet",
    "report -o report.html": "report.html",
    "plot": "results/figures",
}
"""What a command says, or leaves."""


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


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a log, users to recommend to, and defaults that are small."""
    folder = tmp_path_factory.mktemp("docs")
    rows = [(user, (user + step * (1 + user % 2)) % 30, step) for user in range(60) for step in range(12)]
    pl.DataFrame(rows, schema=["user", "item", "time"], orient="row").write_csv(folder / "my.csv")
    (folder / "users.csv").write_text("user\n1\n2\n")
    (folder / "linrec.toml").write_text('data = "my.csv"\n' + "".join(f"{k} = {v}\n" for k, v in SMALL.items()))
    return folder


def shown() -> Iterator[tuple[str, str]]:
    """Give the pages and what they show in their order."""
    for page in SHOWING:
        yield from ((page, command) for command in EXTRA.get(page, []))
        for command in in_blocks(NAMES[page].read_text("utf-8")):
            # What is for a cluster needs one.
            if "/shared/" not in command:
                yield page, command


def test_every_page_with_commands_is_run() -> None:
    blocks = {name: [*in_blocks(path.read_text("utf-8"))] for name, path in NAMES.items()}
    assert {name for name, found in blocks.items() if found} == {*SHOWING}


def test_what_the_documents_show_works(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(room)
    # A process for each cell of a sweep would take a minute.
    monkeypatch.setattr(importlib.import_module("linrec_cli.runs.sweep"), "apart", attempt)
    for name in catalog.names("presets"):
        preset = catalog.load("presets", name).SETTINGS
        for key, value in ({"data": "my.csv", "tokens": 20_000} | SMALL).items():
            if key in preset:
                monkeypatch.setitem(preset, key, value)
    done: list[list[str]] = []
    for page, command in shown():
        done.append([*map(placed, shlex.split(command))])
        # What several pages show works for all of them.
        if done[-1] in done[:-1]:
            continue
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1 5\n2 7\n")))
        code = run(done[-1])
        said = "".join(capsys.readouterr())
        assert code == 0, f"{page}: {command}\n{said}"
        assert "Traceback" not in said
        left = LEFT.get(command, "")
        assert left in said or Path(left).exists(), f"{page}: {command}"
    # What was exported above is loaded as is shown.
    (block,) = PYTHON.findall(NAMES["docs/serving.md"].read_text("utf-8"))
    exec(compile(block, "docs/serving.md", "exec"), {})
    assert "(10, 3)" in capsys.readouterr().out


def placed(word: str) -> str:
    """Put a run, or a folder, in the place of what stands for one."""
    if word in ("RUN", "BASE", "NEW"):
        done = sorted(path.parent for path in Path("results/runs").glob("my-sasrec-*/table.parquet"))
        assert (store.read_table(done[0] / "table.parquet")["status"] == "ok").all()
        return str(done[word != "BASE"])
    return word
