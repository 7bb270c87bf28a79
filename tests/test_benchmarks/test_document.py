"""The command finds the right numbers, writes them between the marks, and says what differs."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import document
import pytest
from invented import LENGTHS, costs, profiled
from passages import layer
from passages._profile import find
from passages._reference import Reference

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a repository with one profile and one document of two passages."""
    profiled(tmp_path, "profile", costs("attention", 16_384))
    marks = "<!-- layer.costs -->\nold\n<!-- end -->\n\nbetween\n\n<!-- serving.made -->\n<!-- end -->\nafter\n"
    marks = f"before `<!-- end -->`\n\n{marks}"
    (tmp_path / "README.md").write_text(marks)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, root: Path, *options: str) -> int:
    """Run the command."""
    monkeypatch.setattr(sys, "argv", ["document.py", *options])
    return document.main(root)


def test_writing_replaces_what_stands_between_marks_and_nothing_else(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, root) == 0
    text = (root / "README.md").read_text()
    outside = document.MARK.sub("", text)
    assert outside == "before `<!-- end -->`\n\n\n\nbetween\n\n\nafter\n"
    assert "| 8,192 | 2,000 ms, 2 KiB | 8,000 ms, 8 KiB | 500 ms, 0.5 KiB | 1,000 ms, 1 KiB | – |" in text
    assert "old" not in text


def test_a_check_passes_what_was_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, root)
    assert run(monkeypatch, root, "--check") == 0


def test_a_check_names_the_passage_in_which_a_digit_was_changed_and_leaves_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, root)
    changed = (root / "README.md").read_text().replace("2,000 ms", "2,001 ms")
    (root / "README.md").write_text(changed)
    capsys.readouterr()
    assert run(monkeypatch, root, "--check") == 1
    assert capsys.readouterr().out == "README.md: layer.costs differs from the results\n"
    assert (root / "README.md").read_text() == changed


def test_a_check_fails_when_the_results_change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, root)
    profiled(root, "later", costs("attention", 16_384, scale=2), benchmark=99)
    assert run(monkeypatch, root, "--check") == 1


@pytest.mark.parametrize("text", ["<!-- layer.costs -->\n", "<!-- end -->\n", "<!-- layer.none -->\n<!-- end -->\n"])
def test_a_mark_without_its_end_or_without_its_passage_is_an_error_that_names_the_document(
    root: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (root / "README.md").write_text(f"<!-- layer.costs -->\n<!-- end -->\n{text}")
    with pytest.raises(SystemExit, match=r"README\.md"):
        run(monkeypatch, root, "--check")


def test_every_mark_of_the_documents_here_names_a_passage() -> None:
    found = [mark for path in document.documents(REPOSITORY) for mark in document.MARK.findall(path.read_text("utf-8"))]
    assert len(found) > 20
    for _, name, *_ in found:
        module, _, function = name.partition(".")
        assert callable(getattr(document.importlib.import_module(f"passages.{module}"), function))


def test_a_profile_is_found_by_what_it_measured_not_by_its_name(tmp_path: Path) -> None:
    profiled(tmp_path, "z-other-tokens", costs("attention", 8192, scale=3))
    profiled(tmp_path, "z-few-lengths", costs("attention", 16_384, LENGTHS[:3], scale=4))
    profiled(tmp_path, "z-other-phase", costs("step", 16_384, scale=5))
    profiled(tmp_path, "z-other-width", costs("attention", 16_384, scale=6), width=128)
    profiled(tmp_path, "z-other-heads", costs("attention", 16_384, scale=7), heads=4)
    profiled(tmp_path, "z-other-dtype", costs("attention", 16_384, scale=8), dtype="bfloat16")
    profiled(tmp_path, "a-right", costs("attention", 16_384, (64, *LENGTHS)))
    assert find(Reference(tmp_path), "attention", LENGTHS, tokens=16_384).seconds("linear", 128) == 0.5


def test_of_several_profiles_the_newest_benchmark_version_counts_then_the_last_made(tmp_path: Path) -> None:
    for name, scale, benchmark, month in (("c", 2, 1, 3), ("b", 3, 2, 2), ("d", 4, 2, 1)):
        made = {"benchmark": benchmark, "created": datetime(2026, month, 1, tzinfo=UTC)}
        profiled(tmp_path, name, costs("attention", 16_384, scale=scale), **made)
    assert find(Reference(tmp_path), "attention", LENGTHS, tokens=16_384).seconds("softmax", 128) == 6.0


def test_a_profile_at_a_fixed_batch_is_none_at_fixed_tokens(tmp_path: Path) -> None:
    rows = [row | {"tokens": 8 * row["maxlen"]} for row in costs("serve", 0)]
    profiled(tmp_path, "serve", rows)
    assert find(Reference(tmp_path), "serve", LENGTHS, batch=8)
    assert not find(Reference(tmp_path), "serve", LENGTHS, batch=4)
    assert not find(Reference(tmp_path), "serve", LENGTHS, tokens=1024)


def test_rows_of_a_changed_checkout_are_left_out(tmp_path: Path) -> None:
    profiled(tmp_path, "dirty", costs("attention", 16_384), commit="abc+")
    assert not layer.layer(Reference(tmp_path))
