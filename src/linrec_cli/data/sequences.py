"""Histories as one flat array of items and one of offsets, on any device."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    import polars as pl

    from linrec_cli.data.parts import Targets
    from linrec_cli.data.prepare import Prepared


@dataclass(frozen=True)
class Sequences:
    """Histories of users, in time order.

    Attributes:
        flat: `[E]` items `1..count`, user after user.
        offsets: `[U + 1]` where each user's history starts, and where the last one ends.
        count: number of items.
        users: `[U]` ids of the users, as prepared.
        times: `[E]` when each event was, in the units of the data; None where only the order is known.
        part: `[E]` the part each event came in, where the data come split; in each history they ascend.
        features: of each item, by name, `[count + 1, V]`, True where it has the value; row 0 is padding.
    """

    flat: Tensor
    offsets: Tensor
    count: int
    users: Tensor
    times: Tensor | None = None
    features: Mapping[str, Tensor] | None = None
    part: Tensor | None = None

    @property
    def lengths(self) -> Tensor:
        """Count the events of each user, `[U]`."""
        return self.offsets.diff()

    def to(self, device: str) -> "Sequences":
        """Move the arrays to a device."""
        moved = {name: getattr(self, name).to(device) for name in ("flat", "offsets", "users")}
        times, part = (None if one is None else one.to(device) for one in (self.times, self.part))
        features = None if self.features is None else {name: one.to(device) for name, one in self.features.items()}
        return replace(self, **moved, times=times, features=features, part=part)


def lay_out(prepared: "Prepared") -> Sequences:
    """Lay out a prepared data set: every user, times where they are real, and the features of items."""
    timed = prepared.card.get("time") == "given"
    return arrange(prepared.events, len(prepared.items), timed=timed, features=multi_hot(prepared.items))


def arrange(
    events: "pl.DataFrame", items: int, *, timed: bool = False, features: Mapping[str, Tensor] | None = None
) -> Sequences:
    """Lay out events (`user`, `item`, and `time` if `timed`), one a row, users contiguous, each in time order."""
    user, flat = (torch.from_numpy(events[name].to_numpy().astype("int64")) for name in ("user", "item"))
    users, lengths = torch.unique_consecutive(user, return_counts=True)
    offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    times = torch.from_numpy(events["time"].to_numpy().astype("int64")) if timed else None
    part = torch.from_numpy(events["part"].to_numpy().astype("int64")) if "part" in events.columns else None
    return Sequences(flat, offsets, items, users, times, features, part)


def multi_hot(items: "pl.DataFrame") -> dict[str, Tensor] | None:
    """Spread each column of lists over the values it knows, in their order; None where there is no such column."""
    import polars as pl

    found = {}
    for name, kind in items.schema.items():
        if isinstance(kind, pl.List):
            rows = items.select("item", value=name).explode("value").drop_nulls()
            values = rows["value"].unique().sort()
            column = rows["value"].cast(pl.Enum(values)).to_physical().to_numpy().astype("int64")
            found[name] = torch.zeros(len(items) + 1, len(values), dtype=torch.bool)
            found[name][torch.from_numpy(rows["item"].to_numpy().astype("int64")), torch.from_numpy(column)] = True
    return found or None


def window(flat: Tensor, start: Tensor, lengths: Tensor, width: int) -> Tensor:
    """Cut `flat[start : start + length]` for each row, padded on the right with 0 to `[B, width]`."""
    position = torch.arange(width, device=flat.device)
    index = (start[:, None] + position).clamp(max=len(flat) - 1)
    return flat[index].masked_fill(position >= lengths[:, None], 0)


def histories(sequences: Sequences, targets: "Targets", maxlen: int) -> tuple[Tensor, Tensor, Tensor]:
    """Point at the last `maxlen` events before each target.

    Returns:
        start `[N]`, length `[N]` and gold item `[N]`.
    """
    length = (targets.place - sequences.offsets[targets.user]).clamp(max=maxlen)
    return targets.place - length, length, sequences.flat[targets.place]
