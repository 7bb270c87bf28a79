"""What is measured: one mechanism, at one length and size, in one phase, on one device."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from types import ModuleType
from typing import Any

from linrec_cli import catalog
from linrec_cli.phases._phase import Phase, phase, phases
from linrec_cli.settings import Profile, options
from linrec_cli.settings import form as takes


@dataclass(frozen=True)
class Cell:
    """Everything a child needs to know to build what it measures.

    Attributes:
        attn: a mechanism, or empty for a model that takes none.
        sequences: of a batch, where their number is the same at every length; 0 where that of the tokens is.
        form: `causal` or `bidirectional`; empty for a model that takes no mechanism.
        objective: what makes the targets of a step of training; empty for a model without gradients.
    """

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
    sequences: int = 0
    form: str = "causal"
    objective: str = "next"
    loss: str = "cross-entropy"

    @property
    def what(self) -> Phase:
        """Read what its phase says of itself."""
        return phase(self.phase)

    @property
    def batch(self) -> int:
        """Count the sequences of a batch: as many as are given, or as the tokens fill, at least one."""
        return self.sequences or max(1, self.tokens // self.maxlen)

    @property
    def phases(self) -> tuple[str, ...]:
        """List the phases its rows are of: its parts stand beside the whole."""
        return (*self.what.parts, self.phase)

    @property
    def labels(self) -> dict[str, Any]:
        """Write what the cell is in the columns of the table; a layer alone has no model and no layers."""
        attention, chosen = options(self.attn) if self.attn else ("", "")
        whole, trains = self.what.model, self.what.trains
        return {
            "model": self.model if whole else None,
            "objective": self.objective or None if trains else None,
            "loss": self.loss if trains else None,
            # Loss and ranking go over this many items, which no other column says.
            "setup": f"items {self.items}" if whole else None,
            "layers": self.layers if whole else None,
            "attention": attention,
            "options": chosen,
            "form": self.form,
            "width": self.width,
            "heads": self.heads,
            "maxlen": self.maxlen,
            # One sequence may hold more than was asked for; otherwise all lengths share the number.
            "tokens": self.sequences * self.maxlen or max(self.tokens, self.maxlen),
            "dtype": self.dtype,
        }


SIZE = ("width", "heads", "dtype")
SAME = ("tokens", "layers", "items", "seed", "device", "threads")


def cells(settings: Profile) -> Iterator[list[Cell]]:
    """List the cells in the order they are measured: mechanisms that take turns, then size, model, phase and length."""
    same = {name: getattr(settings, name) for name in SAME} | {"sequences": settings.batch}
    for maxlen, what in product(sorted(set(settings.maxlen)), map(phase, needed(settings.phase))):
        # A layer alone is the same in every model.
        for model in settings.model if what.model else settings.model[:1]:
            module = catalog.load("models", options(model)[0])
            # A model that takes no mechanism is the same beside each.
            forms = {attn: form(attn) for attn in settings.attn}
            if what.model:
                forms = dict.fromkeys(settings.attn if takes(model) else [""], module.FORM or "")
            own = {"phase": what.name, "maxlen": maxlen, "model": model, "objective": module.OBJECTIVE}
            for sizes in product(settings.width, settings.heads, what.dtypes or settings.dtype):
                size: dict[str, Any] = same | own | dict(zip(SIZE, sizes, strict=True))
                yield [Cell(attn=attn, form=forms[attn], **size) for attn in forms]


def needed(asked: tuple[str, ...]) -> list[str]:
    """List the phases that need a cell of their own: parts of another come with the whole."""
    found = list(dict.fromkeys(asked))
    for whole in phases():
        parts = whole.parts
        if parts and (whole.name in found or {*parts} <= {*found}):
            # It stands where the first of them stood.
            found = [whole.name if name in parts else name for name in found]
    return list(dict.fromkeys(found))


def form(attn: str) -> str:
    """Tell the form of a layer alone: the causal one, where there is one."""
    return "causal" if "causal" in getattr(mechanism(attn), "FORMS", ("causal",)) else "bidirectional"


def impossible(cell: Cell) -> str:
    """Say why a cell cannot be built; empty where it can."""
    if cell.what.model and cell.what.keeps and not cell.form:
        return f"{cell.model} has no gradients, it is counted: there is no {cell.phase}"
    forms = getattr(mechanism(cell.attn), "FORMS", (cell.form,))
    return "" if cell.form in forms else f"it has no {cell.form} form, which {cell.model} takes"


def mechanism(attn: str) -> ModuleType | None:
    """Find the module of a mechanism; what is measured may be none at all, as in a test."""
    name = options(attn)[0] if attn else ""
    return catalog.load("attentions", name) if name in catalog.names("attentions") else None
