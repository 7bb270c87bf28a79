"""Runs while they are trained: a bar on a terminal, a line an epoch elsewhere."""

import sys
from typing import TYPE_CHECKING

from linrec_cli.cli import console
from linrec_cli.cli.events import tell

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from linrec_cli.runs import events


class Progress:
    """Hear of what happens in a sweep, and show it."""

    def __init__(self, resume: bool = False) -> None:
        """Begin.

        Args:
            resume: whether to say that nothing is there to take up.
        """
        self.resume, self.bar, self.crowded = resume, bar(), False
        self.task = self.bar.add_task("first batch", total=None)

    def __enter__(self) -> "Progress":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, event: "events.Event") -> None:
        """Show an event, if it is worth it."""
        from linrec_cli.runs import events

        match event:
            case events.Batch():
                self.batch(event)
            case events.Anew() if not self.resume:
                pass
            # Of a machine that is busy once is enough.
            case events.Crowded() if self.crowded:
                pass
            # A terminal has the bar: of the epochs only the best so far, and every tenth.
            case events.Epoch() if sys.stderr.isatty() and event.waited and event.epoch % 10:
                pass
            case _:
                self.crowded |= isinstance(event, events.Crowded)
                tell(event)

    def batch(self, event: "events.Batch") -> None:
        """Show where the epoch stands."""
        best = f" best NDCG@10 {event.best:.4f}" if event.best is not None else ""
        text = f"{event.attention} epoch {event.epoch} loss {event.loss:.3f}{best}"
        if event.batch <= 1 or event.batch == event.batches:
            self.bar.reset(self.task, total=event.batches, completed=event.batch)
        self.bar.update(self.task, description=text, completed=event.batch, total=event.batches)


def bar() -> "Bar":
    """Make the bar of an epoch's batches."""
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn

    columns = (BarColumn(10), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    return console.progress(console.described(), *columns)
