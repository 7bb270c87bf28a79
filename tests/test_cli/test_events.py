"""What happens while runs are made is told in words, a line each."""

import math
from pathlib import Path

import pytest

from linrec_cli.cli.events import tell, words
from linrec_cli.runs import events

BEST = events.Epoch("a-run", 3, 6.86071, 0.03964, 4.61, 0, 8)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (events.Begun("a-run", 2, 8), "[2/8] a-run"),
        (events.Skipped("a-run", "abc", "abc"), "a-run: done already."),
        (events.Skipped("a-run", "abc", "abd"),
         "a-run: done already. Made at commit abc, this is abd: --fresh makes it anew."),
        (events.Anew("a-run"), "a-run: nothing to take up; starts from the beginning."),
        (events.TakenUp("a-run", 2, 5), "a-run: goes on at epoch 2, batch 5."),
        (BEST, "epoch   3  loss 6.8607  valid NDCG@10 0.0396  4.6 s  best so far"),
        (events.Epoch("a-run", 13, 6.0, 0.5, 4.0, 2, 8),
         "epoch  13  loss 6.0000  valid NDCG@10 0.5000  4.0 s  2 of 8 without a better one"),
        (events.Epoch("a-run", 1, math.nan, 0.5, 4.0, 0, 8), "epoch   1  valid NDCG@10 0.5000  4.0 s  best so far"),
        (events.Stopped("a-run", 3), "stopped in epoch 3; the same command again goes on from here."),
        (events.Failed("a-run", "oom", "memory ran out"), "linrec: a-run: oom: memory ran out"),
        (events.Drawn(Path("a/negatives.parquet")), "negatives drawn once for all models: a/negatives.parquet"),
        (events.CutShort("a-run", 1, 3), "a-run was cut short: 1 of 3 parts stand, the rest is measured now."),
    ],
)  # fmt: skip
def test_an_event_is_a_line(event: events.Event, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    tell(event)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"{line}\n")


def test_a_batch_is_worth_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    batch = events.Batch("a-run", "linear", 1, 2, 9, 6.5, None)
    tell(batch)
    assert words(batch) == capsys.readouterr().err == ""
