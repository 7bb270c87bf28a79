"""What happens while runs are made is told in words."""

import math
from pathlib import Path

import pytest

from linrec_cli.cli.events import tell, words
from linrec_cli.runs import events

LONG = "Times are too long; free some"
EPOCH = {"run": "r", "epoch": 3, "loss": 1.25, "ndcg": 0.125, "seconds": 2.04, "waited": 0, "patience": 8}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (events.Begun("r", 2, 8), "[2/8] r"),
        (events.Skipped("r", "abc", "abc"), "r: done already."),
        (events.Skipped("r", "abc", "abd"), "r: done already. Made at commit abc, this is abd: --fresh makes it anew."),
        (events.Anew("r"), "r: nothing to take up; starts from the beginning."),
        (events.TakenUp("r", 3, 7), "r: goes on at epoch 3, batch 7."),
        (events.Batch("r", "linear", 1, 2, 3, 0.5, None), ""),
        (events.Epoch(**EPOCH), "epoch   3  loss 1.2500  valid NDCG@10 0.1250  2.0 s  best so far"),
        (events.Epoch(**EPOCH | {"waited": 2}),
         "epoch   3  loss 1.2500  valid NDCG@10 0.1250  2.0 s  2 of 8 without a better one"),
        (events.Epoch(**EPOCH | {"loss": math.nan}), "epoch   3  valid NDCG@10 0.1250  2.0 s  best so far"),
        (events.Crowded("r", 2, 2, 0.84, 61.2),
         f"others use the cores: 2 threads had 0.8 processors in epoch 2, and lost one 61 times a second. {LONG}"
         ", or lower --threads."),
        (events.Crowded("r", 1, 1, 0.5, 0.0),
         f"others use the cores: 1 thread had 0.5 processors in epoch 1, and lost one 0 times a second. {LONG}."),
        (events.Stopped("r", 4), "stopped in epoch 4; what was trained is saved."),
        (events.Drawn(Path("a/b")), "negatives drawn once for all models: a/b"),
        (events.CutShort("r", 1, 3), "r was cut short: 1 of 3 parts stand, the rest is measured now."),
    ],
)  # fmt: skip
def test_every_event_has_its_words(event: events.Event, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words(event) == text
    tell(event)
    assert capsys.readouterr().err == (f"{text}\n" if text else "")


def test_what_failed_is_told_as_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    tell(events.Failed("r", "oom", "full"))
    assert capsys.readouterr().err == "linrec: r: oom: full\n"
