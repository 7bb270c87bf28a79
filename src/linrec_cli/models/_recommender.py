"""What the rest of linrec asks of a model, and what a model is told of the data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from linrec_cli import catalog
from linrec_cli.data.batch import Batch
from linrec_cli.data.sequences import Sequences


@dataclass(frozen=True)
class Facts:
    """What a model is told of the data.

    Attributes:
        items: number of items.
        features: of each item, by name, `[items + 1, V]`; empty where the data have none.
    """

    items: int
    features: Mapping[str, Tensor] = field(default_factory=dict)


def facts(sequences: Sequences) -> Facts:
    """Tell a model what it may know of the data."""
    return Facts(sequences.count, sequences.features or {})


def reads(spec: str) -> list[str]:
    """List what a model reads beside items in their order: `times`, `target_times`, `features`.

    A module says it as `READS`: what, and the option that must be on; without an option it always does.
    """
    name, given = catalog.parse(spec)
    known: Mapping[str, str] = getattr(catalog.load("models", name), "READS", {})
    return [what for what, option in known.items() if not option or given.get(option) == "true"]


class Recommender(Protocol):
    """A model that encodes histories, and scores items for what it makes of them."""

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position of a batch, `[B, T, C]`; a model of no form has no such method."""

    def table(self) -> Tensor:
        """Give what items are scored and trained by, `[I + 1, C]`; row 0 is padding."""

    def query(self, batch: Batch) -> Tensor:
        """Encode histories to what their users are ranked by, `[B, C]`."""

    def scores(self, query: Tensor, items: Tensor | None = None) -> Tensor:
        """Score all items, `[B, I]`, or some for each user, `items [B, N]`, in float32."""

    def eval(self) -> object:
        """Switch dropout off."""


def last(hidden: Tensor, lengths: Tensor) -> Tensor:
    """Take what stands at the last real position, `[B, C]` of `hidden [B, T, C]`."""
    # Not `len`, which torch.export would take for a constant.
    return hidden[torch.arange(lengths.shape[0], device=lengths.device), lengths - 1]


def products(query: Tensor, table: Tensor, items: Tensor | None = None) -> Tensor:
    """Score by products in float32: all items `[B, I]`, or some for each user, `[B, N]`."""
    query, table = query.float(), table.float()
    return query @ table[1:].T if items is None else (table[items] @ query[:, :, None])[:, :, 0]
