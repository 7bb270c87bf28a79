"""A folder to run commands in, with a small file of events of one's own."""

from pathlib import Path

import pytest
import torch

SMALL = ["--width", "8", "--layers", "1", "--tokens", "200", "--maxlen", "20", "--threads", "1"]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty users who walk along a ring of thirty items; nothing of the user's own settings reaches in."""
    for name in ("LINREC_DATA_DIR", "LINREC_RESULTS_DIR", "LINREC_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    generator = torch.Generator().manual_seed(0)
    lines = ["user,item,time"]
    for user in range(60):
        steps = torch.randint(1, 3, (25,), generator=generator).cumsum(0) + int(
            torch.randint(30, (), generator=generator)
        )
        lines += [f"u{user},i{int(item) % 30},{number}" for number, item in enumerate(steps)]
    (tmp_path / "ring.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path
