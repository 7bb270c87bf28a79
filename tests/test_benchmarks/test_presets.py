"""What presets cost: asked of the command itself, and written as it said it."""

from pathlib import Path

import presets
from invented import kept
from passages import presets as passage
from passages._reference import Reference


def test_a_preset_is_asked_as_a_user_asks(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user,item,time\n" + "".join(f"{u},{i % 7},{i}\n" for u in range(6) for i in range(u, u + 8)))
    found = presets.asked("linrec-paper", str(log))
    assert {name: found[name] for name in ("preset", "data", "attn", "objective", "epochs")} == {
        "preset": "linrec-paper", "data": "log", "attn": "linear", "objective": "last", "epochs": 100,
    }  # fmt: skip
    # Of eight events the last two are held out; a sample a prefix has five targets.
    assert found["targets"] == 6 * 5
    assert found["seconds"] > 0
    assert found["peak_bytes"] > 0


def test_all_epochs_of_a_preset_are_its_most_times_one(tmp_path: Path) -> None:
    assert passage.costs(Reference(tmp_path)).startswith("Not measured yet: ")
    shared = {"data": "log", "batches": 10, "targets": 12_345, "peak_bytes": 2.0**30}
    rows = [shared | {"preset": "slow", "attn": "linear", "seconds": 9_000.0, "epochs": 100},
            shared | {"preset": "quick", "attn": "lru", "seconds": 90.0, "epochs": 40}]  # fmt: skip
    kept(tmp_path, "benchmarks/presets", rows)
    text = passage.costs(Reference(tmp_path))
    assert "On Abacus, 1 thread, torch 9.9, `log`, extrapolated from three" in text
    assert text.splitlines()[-2:] == [
        "| `quick` | `lru` | 12,345 | 10 | 90 s | 1.0 GiB | 1.0 hours (40) |",
        "| `slow` | `linear` | 12,345 | 10 | 2 h 30 min | 1.0 GiB | 10.4 days (100) |",
    ]
