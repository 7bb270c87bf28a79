"""The frozen settings of a profile, each declared once."""

from dataclasses import dataclass
from typing import ClassVar

from linrec_cli import catalog
from linrec_cli.declared import check, setting
from linrec_cli.errors import UsageError
from linrec_cli.shared_settings import ATTN, BUILT, DEVICE, DTYPE, LENGTH, SEED, SPECS, THREADS, split_evenly

WHAT, SIZE, HOW = "What to measure", "Size", "How to measure"
PHASES = tuple(catalog.names("phases"))
PHASE = " ".join(f"{name}: {module.HELP}." for name, module in catalog.sound("phases").items())
"""What each phase says of itself; to load it is quick."""


@dataclass(frozen=True)
class Profile:
    """Everything that can alter the numbers of a profile, and nothing else.

    Of `tokens` and `batch` one is 0: the other is the same at every length.
    """

    KIND: ClassVar[str] = "Profile"

    attn: tuple[str, ...] = setting(
        ("softmax", "linear"), WHAT, "Mechanisms, as a,b or a:option=value.",
        asked="", shown="all of the form measured", **ATTN,
    )  # fmt: skip
    maxlen: tuple[int, ...] = setting((128, 256, 512, 1024), WHAT, "Sequence lengths.", **LENGTH)
    phase: tuple[str, ...] = setting(("attention", "step"), WHAT, PHASE, choices=PHASES, axis=True, told=True)
    tokens: int = setting(
        16_384, SIZE, "Positions in a batch, the same at every length.", low=0, high=2**31, asked=None, shown="16384"
    )
    batch: int = setting(0, SIZE, "Sequences in a batch, in place of --tokens.", low=0, high=2**31, asked=None)
    width: tuple[int, ...] = setting((64,), SIZE, "Channels.", low=1, high=65_536, axis=True)
    heads: tuple[int, ...] = setting((2,), SIZE, "Heads each width is split into.", low=1, high=1024, axis=True)
    model: tuple[str, ...] = setting(("sasrec",), SIZE, f"Models, {SPECS}.", **BUILT)
    layers: int = setting(2, SIZE, "Blocks of the model.", low=1, high=256)
    items: int = setting(3416, SIZE, "Items the loss and the ranking go over.", low=1, high=2**31 - 1)
    budget: float = setting(20.0, HOW, "Seconds a cell is timed for, warm-up included.", low=0.1, high=86_400)
    device: str = setting("cpu", HOW, **DEVICE)
    dtype: tuple[str, ...] = setting(("float32",), HOW, axis=True, **DTYPE)
    threads: int = setting(1, HOW, **THREADS)
    seed: int = setting(0, HOW, "Seed of weights and inputs.", **SEED)

    def __post_init__(self) -> None:
        """Check every limit, that widths split into heads, and that tokens or batch is given, not both."""
        check(self)
        split_evenly(self.width, self.heads)
        if bool(self.tokens) == bool(self.batch):
            raise UsageError("give one of --tokens (the same at every length) and --batch (sequences at every length).")


@dataclass(frozen=True)
class Effort:
    """How far a profile goes; no number changes by it."""

    roofline: bool = setting(False, HOW, "Measure first how fast the machine copies and multiplies.", counts=False)
    force: bool = setting(
        False, HOW, "Try longer lengths after one ran out, and beyond what a mechanism is meant for.", counts=False
    )
