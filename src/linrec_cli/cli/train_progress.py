"""What happens while runs are made, in words: a bar on a terminal, a line an epoch elsewhere."""

import math
import sys

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from linrec_cli.cli import console
from linrec_cli.runs import events


class Progress:
    """Show a run while it trains, and tell what else happens."""

    def __init__(self, resume: bool = False) -> None:
        """Begin.

        Args:
            resume: say so where nothing is there to take up.
        """
        self.resume = resume
        columns = (TextColumn("{task.description}"), BarColumn(10), MofNCompleteColumn())
        self.bar = console.progress(*columns, TimeRemainingColumn(compact=True))
        self.task = self.bar.add_task("first batch", total=None, visible=False)

    def __enter__(self) -> "Progress":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, event: events.Event) -> None:
        """Tell of an event."""
        match event:
            case events.Batch():
                self.batch(event)
            case events.Epoch():
                self.epoch(event)
            case events.Failed(run, status, note):
                console.fail(f"{run}: {status}: {note}")
            case _:
                if text := self.words(event):
                    console.say(text)

    def words(self, event: events.Event) -> str:
        """Write what happened, if it is worth a line."""
        match event:
            case events.Begun(run, number, of):
                return f"[{number}/{of}] {run}"
            case events.Skipped(run, made, now):
                other = f" Made at commit {made}, this is {now}: --fresh makes it anew." if made != now else ""
                return f"{run}: done already.{other}"
            case events.Anew(run) if self.resume:
                return f"{run}: nothing to take up; starts from the beginning."
            case events.TakenUp(run, epoch, batch):
                return f"{run}: goes on at epoch {epoch}, batch {batch}."
            case events.Stopped(_, epoch):
                return f"stopped in epoch {epoch}; the same command again goes on from here."
            case events.Drawn(path):
                return f"negatives drawn once for all models: {path}"
            case events.CutShort(run, stand, of):
                return f"{run} was cut short: {stand} of {of} parts stand, the rest is measured now."
        return ""

    def batch(self, event: events.Batch) -> None:
        """Show where the epoch stands."""
        best = f" best NDCG@10 {event.best:.4f}" if event.best is not None else ""
        text = f"{event.attention} epoch {event.epoch} loss {event.loss:.3f}{best}"
        if event.batch <= 1 or event.batch == event.batches:
            self.bar.reset(self.task, total=event.batches, completed=event.batch, visible=True)
        self.bar.update(self.task, description=text, completed=event.batch, total=event.batches)

    def epoch(self, event: events.Epoch) -> None:
        """Write a line for the epoch; on a terminal only when it is the best so far or the tenth."""
        if sys.stderr.isatty() and event.waited and event.epoch % 10:
            return
        mark = f"{event.waited} of {event.patience} without a better one" if event.waited else "best so far"
        loss = "" if math.isnan(event.loss) else f"loss {event.loss:.4f}  "
        console.say(f"epoch {event.epoch:3}  {loss}valid NDCG@10 {event.ndcg:.4f}  {event.seconds:.1f} s  {mark}")
