"""A model as a graph that runs without linrec: `items [B, T]` and `lengths [B]` to `scores [B, I]`."""

import importlib
import importlib.util
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from linrec_cli.data.batch import Batch
from linrec_cli.data.sequences import Sequences, window
from linrec_cli.errors import DataError, UsageError
from linrec_cli.evaluation.ranks import read

TORCH, ONNX = "model.pt2", "model.onnx"
NEEDED = ("onnx", "onnxscript", "onnxruntime")
"""Packages that an ONNX graph is made and checked with."""
FAR = 1e-4
"""Largest difference between a score of the graph and linrec's own."""
MOST = 32
"""Histories that a graph is checked on."""
MOST_SAID = 120
"""Letters of an error of torch that are passed on."""

Run = Callable[[Tensor, Tensor], Tensor]


class Scorer(nn.Module):
    """Score all items after each history."""

    def __init__(self, model: Any, width: int = 0) -> None:
        super().__init__()
        self.model, self.width = model, width

    def forward(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Score all items after `items [B, T]`, padded on the right with 0, first to `width` where one is given."""
        if self.width:
            items = pad(items, (0, self.width - items.shape[1]))
        scores: Tensor = self.model.scores(self.model.query(Batch(items, lengths)))
        return scores


def traced(model: Any, maxlen: int) -> tuple[Any, bool]:
    """Trace a model into a program of any number of histories of any length up to `maxlen`.

    Returns:
        the program, and whether it pads every history to `maxlen`: some mechanisms cut histories into a number of
        pieces that the graph has to know.

    Raises:
        UsageError: torch.export cannot follow the model.
    """
    length = min(maxlen, max(2, maxlen // 2 + 1))
    given = torch.ones(3, length, dtype=torch.int64), torch.tensor([length, 1, min(2, length)])
    batch = torch.export.Dim("B", min=1)
    # Torch has no dimension that could be 1 alone.
    time = {1: torch.export.Dim("T", min=1, max=maxlen)} if maxlen > 1 else {}
    shapes = {"items": {0: batch} | time, "lengths": {0: batch}}
    for width in (0, maxlen):
        try:
            with torch.no_grad(), quiet():
                return torch.export.export(Scorer(model, width), given, dynamic_shapes=shapes), bool(width)
        # Torch has no error of its own for what it cannot trace.
        except Exception as error:
            reason = first(error)
    raise UsageError(f"torch.export cannot follow this model ({reason}); --format safetensors leaves the graph out.")


def saved(program: Any, path: Path) -> Run:
    """Write a program, and read it back as what it will be run as.

    Raises:
        UsageError: it cannot be written as ONNX.
    """
    if path.name == TORCH:
        # Into memory first: on a full disk torch would write half of it without a word, or end the process.
        content = io.BytesIO()
        torch.export.save(program, content)
        # A view of it would live on in the traceback of what is refused, which Python 3.12 dies of.
        path.write_bytes(content.getvalue())
        # Torch 2.11 warns that what it reads back cannot be written to.
        with quiet():
            read_back: Run = torch.export.load(path).module()
        return read_back
    named: Any = {"input_names": ["items", "lengths"], "output_names": ["scores"]}
    try:
        with torch.no_grad(), quiet():
            torch.onnx.export(program, (), path, dynamo=True, external_data=False, verbose=False, **named)
    except OSError:
        raise
    # Nor has ONNX.
    except Exception as error:
        raise UsageError(f"ONNX cannot express this model ({first(error)}); --format torch can.") from None
    session = importlib.import_module("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(items: Tensor, lengths: Tensor) -> Tensor:
        (scores,) = session.run(None, {"items": items.numpy(), "lengths": lengths.numpy()})
        return torch.from_numpy(scores)

    return run


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what torch says to its own developers from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def first(error: Exception) -> str:
    """Write the beginning of what an error came from, in one line and without colours."""
    text = " ".join(re.sub(r"\x1b\[[\d;]*m", "", str(error.__cause__ or error)).split())
    return f"{text[:MOST_SAID]}..." if len(text) > MOST_SAID else text


def check_packages() -> None:
    """Refuse ONNX where it cannot be made and checked.

    Raises:
        UsageError: a package is not installed.
    """
    lacking = [name for name in NEEDED if not importlib.util.find_spec(name)]
    if lacking:
        raise UsageError(f"ONNX needs {', '.join(lacking)}; pip install {' '.join(lacking)}, or give --format torch.")


@torch.inference_mode()
def difference(run: Run, model: Any, sequences: Sequences, maxlen: int) -> tuple[int, float]:
    """Compare a graph with the model on histories of the data: how many, and the largest difference of a score.

    Raises:
        DataError: it is above `FAR`.
        UsageError: the graph takes some shapes alone.
    """
    apart = []
    for start, length in some(sequences, maxlen):
        own = model.scores(model.query(read(sequences, start, length, maxlen)))
        try:
            found = run(window(sequences.flat, start, length, int(length.max())), length)
        # A guard of torch's, on a shape that it took for the only one.
        except AssertionError as error:
            raise UsageError(
                f"torch.export followed this model for some shapes alone ({first(error)}); --format safetensors leaves "
                "the graph out."
            ) from None
        apart.append((found - own).abs().amax(1))
    every = torch.cat(apart)
    furthest = float(every.max())
    # What is not a number is not near either.
    if not furthest <= FAR:
        raise DataError(f"the graph's scores are {furthest:.2g} from the run's, {FAR:.0e} at most; nothing is written.")
    return len(every), furthest


def some(sequences: Sequences, maxlen: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Give start and length of histories: the shortest alone, the longest alone, and some from one to the other."""
    order = sequences.lengths.argsort()
    many = order[torch.linspace(0, len(order) - 1, min(MOST, len(order))).long()]
    for rows in (many[:1], many[-1:], many):
        length = sequences.lengths[rows].clamp(max=maxlen)
        yield sequences.offsets[1:][rows] - length, length
