"""What happens while runs are made, in words."""

import math
from typing import TYPE_CHECKING

from linrec_cli.cli import console

if TYPE_CHECKING:
    from linrec_cli.runs import events


def tell(event: "events.Event") -> None:
    """Say what happened in a line on stderr; a batch is worth none."""
    from linrec_cli.runs import events

    if isinstance(event, events.Failed):
        console.fail(words(event))
    elif text := words(event):
        console.say(text)


def words(event: "events.Event") -> str:
    """Write what happened; a batch is worth no words."""
    from linrec_cli.runs import events

    match event:
        case events.Begun(run, number, of):
            return f"[{number}/{of}] {run}"
        case events.Skipped(run, made, now):
            other = f" Made at commit {made}, this is {now}: --fresh makes it anew." if made != now else ""
            return f"{run}: done already.{other}"
        case events.Anew(run):
            return f"{run}: nothing to take up; starts from the beginning."
        case events.TakenUp(run, epoch, batch):
            return f"{run}: goes on at epoch {epoch}, batch {batch}."
        case events.Epoch():
            return line(event)
        case events.Crowded(_, epoch, threads, cpu, aside):
            ours, less = (f"{threads} threads", ", or lower --threads") if threads > 1 else ("1 thread", "")
            had = f"{ours} had {cpu:.1f} processors in epoch {epoch}, and lost one {aside:.0f} times a second"
            return f"others use the cores: {had}. Times are too long; free some{less}."
        case events.Halved(run, tokens):
            return f"memory ran out; once more with --tokens {tokens}: {run}"
        case events.Stopped(_, epoch):
            return f"stopped in epoch {epoch}; what was trained is saved."
        case events.Elsewhere(run, holder):
            return f"{run}: {holder or 'another process'} trains it; waits for it after the others."
        case events.Failed(run, status, note):
            return f"{run}: {status}: {note}"
        case events.Drawn(path):
            return f"negatives drawn once for all models: {path}"
        case events.CutShort(run, stand, of):
            return f"{run} was cut short: {stand} of {of} parts stand, the rest is measured now."
    return ""


def line(epoch: "events.Epoch") -> str:
    """Write an epoch as a line."""
    mark = f"{epoch.waited} of {epoch.patience} without a better one" if epoch.waited else "best so far"
    # What is counted and not trained has no loss.
    loss = "" if math.isnan(epoch.loss) else f"loss {epoch.loss:.4f}  "
    return f"epoch {epoch.epoch:3}  {loss}valid NDCG@10 {epoch.ndcg:.4f}  {epoch.seconds:.1f} s  {mark}"
