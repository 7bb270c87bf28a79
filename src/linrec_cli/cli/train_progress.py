"""The progress of a training run: a bar on a terminal, a line an epoch elsewhere."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from linrec_cli.cli import console
from linrec_cli.settings import Train

if TYPE_CHECKING:
    from linrec_cli.training.fit import Epoch, Position, State


class Live:
    """Show a run while it trains, and leave on disk, once a second, how far it came."""

    def __init__(self, settings: Train, state: "State", path: Path) -> None:
        self.settings, self.state, self.path = settings, state, path
        self.written = 0.0
        self.bar = console.progress(
            TextColumn("{task.description}"),
            BarColumn(10),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
        )
        self.task = self.bar.add_task("first batch", total=None)

    def __enter__(self) -> "Live":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def batch(self, at: "Position", batches: int) -> None:
        """Show where the epoch stands."""
        now = time.monotonic()
        if now - self.written >= 1:
            self.path.write_text(json.dumps({"epoch": at.epoch, "batch": at.batch}), "utf-8")
            self.written = now
        best = f" best NDCG@10 {self.state.best_epoch().ndcg:.4f}" if self.state.history else ""
        text = f"{self.settings.attn} epoch {at.epoch + 1} loss {at.loss / at.targets:.3f}{best}"
        if at.batch <= 1 or at.batch == batches:
            self.bar.reset(self.task, total=batches, completed=at.batch)
        self.bar.update(self.task, description=text, completed=at.batch, total=batches)

    def epoch(self, epoch: "Epoch") -> None:
        """Write a line for the epoch; on a terminal only when it is the best so far or the tenth."""
        best = self.state.best_epoch().epoch == epoch.epoch
        if sys.stderr.isatty() and not best and (epoch.epoch + 1) % 10:
            return
        waited = epoch.epoch - self.state.best_epoch().epoch
        mark = "best so far" if best else f"{waited} of {self.settings.patience} without a better one"
        line = f"epoch {epoch.epoch + 1:3}  loss {epoch.loss:.4f}  valid NDCG@10 {epoch.ndcg:.4f}"
        console.say(f"{line}  {epoch.seconds:.1f} s  {mark}")
