"""A folder to run commands in, with a small file of events of one's own."""

from pathlib import Path

import pytest
import torch

from linrec_cli.cli import console, run

TRAIN = ["train", "--data", "ring.csv", "--epochs", "2", "--width", "8", "--layers", "1", "--tokens", "200"]
# On the CPU, where the same command gives the same bits.
TRAIN += ["--maxlen", "20", "--threads", "1", "--device", "cpu"]


@pytest.fixture(autouse=True)
def fresh_console() -> None:
    """Ask for the terminal's width anew: a console keeps the one it began with."""
    console.stream.cache_clear()


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty users who walk along a ring of thirty items; nothing of the user's own settings reaches in."""
    for name in ("LINREC_DATA_DIR", "LINREC_RESULTS_DIR", "LINREC_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    write_ring(tmp_path / "ring.csv")
    return tmp_path


def write_ring(path: Path) -> None:
    """Write the events of the ring."""
    generator = torch.Generator().manual_seed(0)
    lines = ["user,item,time"]
    for user in range(60):
        start = int(torch.randint(30, (), generator=generator))
        steps = torch.randint(1, 3, (25,), generator=generator).cumsum(0) + start
        lines += [f"u{user},i{int(item) % 30},{number}" for number, item in enumerate(steps)]
    path.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs; nobody writes here."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_ring(folder / "ring.csv")
        for attn in ("softmax", "linear"):
            assert run([*TRAIN, "--attn", attn, "--data-dir", "datasets", "--results-dir", "results"]) == 0
    return folder
