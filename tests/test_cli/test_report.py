"""`linrec report` writes one page that needs nothing else and leaves nothing out."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from linrec_cli.cli import run
from linrec_cli.results import schema, store

VOID = {"meta", "img", "br", "link", "input"}
PROFILE = {"command": "profile", "phase": "attention", "width": 8, "heads": 2, "tokens": 512, "device": "cpu",
           "dtype": "float32", "threads": 1, "form": "causal", "torch": "2", "linrec": "0", "commit": "a"}  # fmt: skip
SETTINGS = {"attn": ["softmax", "linear"], "maxlen": [64, 128, 256], "phase": ["attention"], "tokens": 512, "batch": 0,
            "width": [8], "heads": [2], "threads": 1, "device": "cpu"}  # fmt: skip


class Page(HTMLParser):
    """What a page is made of; a tag that is not closed, or closed twice, is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def results(trained_once: Path, tmp_path: Path) -> Path:
    """Two trainings and a profile in which linear overtakes softmax at 128 and one cell ran out of memory."""
    for folder in (trained_once / "results" / "runs").iterdir():
        (tmp_path / "runs" / folder.name).mkdir(parents=True)
        for path in folder.iterdir():
            if path.is_file():
                (tmp_path / "runs" / folder.name / path.name).write_bytes(path.read_bytes())
    rows = [
        {"attention": attention, "maxlen": maxlen, "metric": "seconds", "unit": "s", "value": value, "samples": [value]}
        for attention, rate in (("softmax", 1.0), ("linear", 0.0))
        for maxlen in (64, 128, 256)
        for value in [maxlen / 64 if rate else 2.0]
    ]
    gone = {
        "attention": "<b>&",
        "maxlen": 256,
        "metric": "peak_bytes",
        "status": "oom",
        "note": "capped",
        "low": 2.0**20,
    }
    store.write_frame(schema.table(PROFILE | {"run": "p"}, [*rows, gone]), tmp_path / "runs" / "p" / store.TABLE)
    store.write_settings(SETTINGS, tmp_path / "runs" / "p" / store.SETTINGS)
    return tmp_path


def test_the_page_asks_for_nothing_and_holds_every_part(results, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert run(["report", str(results), "-o", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    page = Page(out.read_text("utf-8"))
    assert page.links
    assert all(re.match(r"#|data:image/svg\+xml;base64,", link) for link in page.links)
    assert not {"script", "link", "iframe", "object"} & {*page.tags}
    assert not re.search(r"url\(|@import|https?:", re.sub(r'src="data:[^"]+"', "", out.read_text("utf-8")))
    text = "".join(page.text)
    for row in store.read(results).filter(stage="test", metric="ndcg", k=10).to_dicts():
        assert f"{row['value']:.4f}" in text
    for said in ("linear overtakes softmax", "<b>& at 256, attention, peak_bytes: oom: capped", "linrec train --attn",
                 "linrec profile --attn softmax,linear --maxlen 64,128,256", "commit", "In short"):  # fmt: skip
        assert said in text, said
    assert page.tags.count("img") >= 2


def test_markdown_goes_to_stdout_and_its_tables_are_whole(results, capsys):
    assert run(["report", str(results), "--format", "md"]) == 0
    lines = capsys.readouterr().out.splitlines()
    tables = [line for line in lines if line.startswith("|")]
    assert len(tables) > 8
    for above, line in pairwise(lines):
        if above.startswith("|") and line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", above)) == len(re.findall(r"(?<!\\)\|", line))
    assert any("linear overtakes softmax" in line for line in lines)
    assert lines.count("```") == 1
    assert lines.count("```sh") == 1


def test_a_part_without_anything_to_say_is_left_out(tmp_path, capsys):
    one = PROFILE | {"run": "p", "attention": "linear", "maxlen": 64, "metric": "seconds", "value": 1.0}
    store.write_frame(schema.table({}, [one]), tmp_path / "runs" / "p" / store.TABLE)
    store.write_settings(SETTINGS | {"maxlen": [64]}, tmp_path / "runs" / "p" / store.SETTINGS)
    assert run(["report", str(tmp_path), "--format", "md"]) == 0
    out = capsys.readouterr().out
    assert "## Profile" in out
    assert not re.search(r"^#.*\n+#", out.removeprefix("# linrec: results\n"), re.MULTILINE)


@pytest.mark.parametrize("settings", [None, b"a = 5", b"a = [", b"\xff"])
def test_a_profile_whose_settings_are_damaged_is_told_all_the_same(tmp_path, capsys, settings):
    folder = tmp_path / "runs" / "p"
    one = PROFILE | {"run": "p", "attention": "linear", "maxlen": 64, "metric": "seconds", "value": 1.0}
    store.write_frame(schema.table({}, [one]), folder / store.TABLE)
    if settings is not None:
        (folder / store.SETTINGS).write_bytes(settings)
    assert run(["report", str(tmp_path), "--format", "md"]) == 0
    out = capsys.readouterr().out
    assert "1 profile run;" in out
    assert "settings.toml" in out.partition("What is missing")[2] or settings == b"a = 5"


def test_markdown_by_the_name_of_the_page(results, tmp_path):
    assert run(["report", str(results), "-o", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text("utf-8").startswith("# linrec: ")


def test_a_page_is_written_by_its_name_or_not_at_all(results, tmp_path, capsys):
    for name in ("report.pdf", "report.txt"):
        assert run(["report", str(results), "-o", str(tmp_path / name)]) == 2
        assert f"{name} is no .html or .md page" in capsys.readouterr().err
        assert not (tmp_path / name).exists()
    assert run(["report", str(results), "-o", str(tmp_path / "report.pdf"), "--format", "html"]) == 0
    capsys.readouterr()
    assert run(["report", str(results), "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith("<!doctype html>")


def test_no_results_an_unknown_format_and_a_page_that_cannot_be_written(results, tmp_path, capsys):
    assert run(["report", str(tmp_path / "nowhere")]) == 3
    assert run(["report", str(results), "--format", "htm"]) == 2
    assert "did you mean 'html'" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert run(["report", str(results), "-o", str(tmp_path / "file" / "page.html")]) == 3
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
