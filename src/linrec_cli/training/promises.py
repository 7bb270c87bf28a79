"""What is named by a run keeps its promises, tried on a trifle before anything is trained."""

from functools import partial
from typing import Any

import polars as pl
import torch
from torch import Tensor

from linrec_cli import catalog
from linrec_cli.attentions import _build
from linrec_cli.evaluation.summary import summary
from linrec_cli.losses._draw import Draw
from linrec_cli.models._recommender import Facts
from linrec_cli.settings import Train
from linrec_cli.training import fit, refused, room

ITEMS = 4
RANKS = pl.DataFrame({"user": [1, 1, 2, 3], "rank": [1.0, 2.5, 4.0, 1e6]})


def check(settings: Train) -> None:
    """Check that a model may be trained so, and build it, for a single item; run its mechanism, loss and metrics.

    Args:
        settings: resolved.

    Raises:
        UsageError: they do not fit together, or the machine has no room for the model.
        FaultError: a file of a catalog raises something, or gives what it should not.
    """
    refused.check(settings)
    name, _ = catalog.parse(settings.model)
    build = partial(fit.build, settings, Facts(1, {"any": torch.ones(2, 1)}))
    # A GPU is asked by the process that trains, which may be another.
    if settings.device == "cpu":
        room.check(build, settings.device)
    mechanism(settings)
    with catalog.blamed("models", name, "cannot be built"):
        trained = any(parameter.requires_grad for parameter in build().parameters())
    if trained:
        loss(settings)
    summary(RANKS, [1, 10])


def mechanism(settings: Train) -> None:
    """Run the mechanism alone, on one event and on a few."""
    if not settings.attn:
        return
    name, _ = catalog.parse(settings.attn)
    causal = catalog.load("models", catalog.parse(settings.model)[0]).FORM == "causal"
    layer = _build.build(settings.attn, settings.width, settings.heads, causal=causal, maxlen=settings.maxlen)
    for length in {1, min(3, settings.maxlen)}:
        x = torch.randn(2, length, settings.width)
        with catalog.blamed("attentions", name, "cannot be run"):
            found = layer(x, torch.tensor([length, 1]))
        if not isinstance(found, Tensor) or found.shape != x.shape:
            raise catalog.fault("attentions", name, f"gives {given(found)} of x {[*x.shape]}, and not [B, T, C]")


def loss(settings: Train) -> None:
    """Run the loss on a few predictions."""
    name, _ = catalog.parse(settings.loss)
    hidden, table = (torch.randn(ITEMS + 1, settings.width, requires_grad=True) for _ in range(2))
    run = catalog.bound("losses", settings.loss, "loss")
    with catalog.blamed("losses", name, "cannot be run"):
        found = run(hidden, table, torch.arange(ITEMS + 1).clamp(min=1), Draw(torch.ones(ITEMS)))
    if not isinstance(found, Tensor) or found.numel() != 1 or not found.requires_grad:
        raise catalog.fault("losses", name, f"gives {given(found)}, and not the mean as a scalar with its gradient")


def given(found: Any) -> str:
    """Say what was given, in a few words."""
    if isinstance(found, Tensor):
        return f"a tensor {[*found.shape]}"
    return "nothing" if found is None else f"a {type(found).__name__}"
