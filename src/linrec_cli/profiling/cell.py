"""What is measured: one mechanism, at one length and size, in one phase, on one device."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from linrec_cli import catalog
from linrec_cli.settings import Profile, options

PARTS = ("forward", "backward")
"""Phases that are measured together, as the attention layer, and may be asked for alone."""
MODEL = ("encoder", "step", "evaluate")
"""Phases of a whole model; the others are of the attention layer alone."""
LONGEST = {"softmax-naive": 2_048}
"""Lengths beyond which a mechanism is measured only when told to, because it holds whole matrices of scores."""


@dataclass(frozen=True)
class Cell:
    """Everything a child needs to know to build what it measures.

    Attributes:
        sequences: of a batch, where their number is the same at every length; 0 where that of the tokens is.
        form: `causal` or `bidirectional`.
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

    @property
    def batch(self) -> int:
        """Count the sequences of a batch: as many as are given, or as the tokens fill, at least one."""
        return self.sequences or max(1, self.tokens // self.maxlen)

    @property
    def phases(self) -> tuple[str, ...]:
        """List the phases its rows are of: the layer's parts stand beside the whole."""
        return (*PARTS, "attention") if self.phase == "attention" else (self.phase,)

    @property
    def alternatives(self) -> bool:
        """Tell whether what it runs are ways to do the same, told apart by `stage`, and not parts of one run."""
        return self.phase == "serve"

    @property
    def labels(self) -> dict[str, Any]:
        """Write what the cell is in the columns of the table; a layer alone has no model and no layers."""
        attention, chosen = options(self.attn)
        whole = self.phase in MODEL
        return {
            "model": self.model if whole else None,
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


def cells(settings: Profile) -> Iterator[list[Cell]]:
    """List the cells in the order they are measured: mechanisms that take turns, then size, model, phase and length."""
    same = {name: getattr(settings, name) for name in SAME} | {"sequences": settings.batch}
    for maxlen, phase in product(sorted(set(settings.maxlen)), needed(settings.phase)):
        # A layer alone is the same in every model.
        models = settings.model if phase in MODEL else settings.model[:1]
        for model, *sizes in product(models, settings.width, settings.heads, dtypes(phase, settings.dtype)):
            size: dict[str, Any] = dict(zip(SIZE, sizes, strict=True)) | {
                "maxlen": maxlen,
                "phase": phase,
                "model": model,
            }
            yield [Cell(attn=attn, form=form(phase, attn, model), **same, **size) for attn in settings.attn]


SIZE = ("width", "heads", "dtype")
SAME = ("tokens", "layers", "items", "seed", "device", "threads")


def needed(phases: tuple[str, ...]) -> list[str]:
    """List the phases that need a cell of their own: both parts of the layer come with the whole."""
    whole = "attention" in phases or set(PARTS) <= set(phases)
    rest = [phase for phase in dict.fromkeys(phases) if phase not in (*PARTS, "attention")]
    return (["attention"] if whole else [phase for phase in PARTS if phase in phases]) + rest


def dtypes(phase: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """List the dtypes a phase runs in: `linrec evaluate` ranks in float32 whatever a model was trained in."""
    return ("float32",) if phase == "evaluate" else given


def form(phase: str, attn: str, model: str) -> str:
    """Tell the form that is measured: the model's, or of a layer alone the causal one where there is one."""
    if phase in MODEL:
        return "causal" if catalog.load("models", model).CAUSAL else "bidirectional"
    name = options(attn)[0]
    # What is measured may be no mechanism at all, as in a test.
    forms = catalog.load("attentions", name).FORMS if name in catalog.names("attentions") else ("causal",)
    return "causal" if "causal" in forms else "bidirectional"
