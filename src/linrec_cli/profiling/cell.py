"""What is measured: one mechanism, at one length, in one phase, on one device."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from linrec_cli.settings import Profile, options


@dataclass(frozen=True)
class Cell:
    """Everything a child needs to know to build what it measures."""

    phase: str
    attn: str
    maxlen: int
    model: str
    tokens: int
    width: int
    heads: int
    layers: int
    items: int
    seed: int
    device: str
    dtype: str
    threads: int

    @property
    def batch(self) -> int:
        """Count the sequences of a batch: as many as the tokens fill, at least one."""
        return max(1, self.tokens // self.maxlen)

    @property
    def phases(self) -> tuple[str, ...]:
        """List the phases its rows are of: the layer's parts stand beside the whole."""
        return ("forward", "backward", "attention") if self.phase == "attention" else (self.phase,)

    @property
    def labels(self) -> dict[str, Any]:
        """Write what the cell is in the columns of the table; a layer alone has no model and no layers."""
        attention, chosen = options(self.attn)
        whole = self.phase == "step"
        return {
            "model": self.model if whole else None,
            "layers": self.layers if whole else None,
            "attention": attention,
            "options": chosen,
            "maxlen": self.maxlen,
            # One sequence may hold more than was asked for; otherwise all lengths share the number.
            "tokens": max(self.tokens, self.maxlen),
        }


def cells(settings: Profile) -> Iterator[list[Cell]]:
    """List the cells in the order they are measured: mechanisms that take turns, then phase, then length."""
    same = {name: getattr(settings, name) for name in SAME}
    for maxlen in sorted(set(settings.maxlen)):
        for phase in settings.phase:
            yield [Cell(phase=phase, attn=attn, maxlen=maxlen, **same) for attn in settings.attn]


SAME = ("model", "tokens", "width", "heads", "layers", "items", "seed", "device", "dtype", "threads")
