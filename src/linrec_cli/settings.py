"""The frozen settings of a run: their names, limits, defaults and digest."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from typing import Any

from linrec_cli import catalog
from linrec_cli.errors import UsageError


def limited(default: Any, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """Declare a setting with its default and its limits, both inclusive."""
    return field(default=default, metadata={"low": low, "high": high, **more})


@dataclass(frozen=True)
class Train:
    """Everything that can alter the numbers of a training run, and nothing else."""

    data: str = "ml-100k"
    data_digest: str = ""
    min_user: int = limited(5, 0)
    min_item: int = limited(5, 0)
    split: str = "leave-one-out"
    model: str = "sasrec"
    attn: str = "auto"
    maxlen: int = limited(200, 1, 1_000_000)
    width: int = limited(64, 1, 65_536)
    layers: int = limited(2, 1, 256)
    heads: int = limited(2, 1, 1024)
    dropout: float = limited(0.3, 0.0, 0.95)
    lr: float = limited(1e-3, 0.0, 10.0)
    weight_decay: float = limited(0.01, 0.0, 10.0)
    objective: str = "auto"
    loss: str = "cross-entropy"
    tokens: int = limited(1600, 1)
    patience: int = limited(8, 1)
    epochs: int = limited(200, 1)
    max_minutes: float = limited(0.0, 0.0)
    seed: int = limited(0, 0, 2**63 - 1)
    device: str = "cpu"
    dtype: str = "float32"
    threads: int = limited(1, 1, 1024)

    def __post_init__(self) -> None:
        """Check every limit, and that width splits into heads."""
        check(self)

    @property
    def name(self) -> str:
        """Name the run: what it was, then the digest of its settings."""
        dataset, attention = (text.replace(":", "-").replace("=", "") for text in (self.data, self.attn))
        return f"{dataset}-{self.model}-{attention}-{self.maxlen}-s{self.seed}-{digest(self)}"


def resolved(settings: Train) -> Train:
    """Put what the model usually takes in the place of "auto": a run's settings are named and digested so.

    Raises:
        UsageError: a mechanism was given to a model that takes none.
    """
    name, _ = catalog.parse(settings.model)
    module = catalog.load("models", name)
    if module.FORM is None and settings.attn not in ("auto", ""):
        raise UsageError(f"model {name} takes no --attn; leave it out.")
    usual = "linear" if module.FORM else ""
    attn = usual if settings.attn in ("auto", "") else settings.attn
    objective = module.OBJECTIVE if settings.objective == "auto" else settings.objective
    return replace(settings, attn=attn, objective=objective)


PHASES = ("attention", "forward", "backward", "encoder", "step", "evaluate", "serve", "compile")
"""What can be profiled."""
DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True)
class Profile:
    """Everything that can alter the numbers of a profile, and nothing else.

    Of `tokens` and `batch` one is 0: the other is the same at every length.
    """

    attn: tuple[str, ...] = ("softmax", "linear")
    maxlen: tuple[int, ...] = limited((128, 256, 512, 1024), 1, 1_000_000)
    phase: tuple[str, ...] = ("attention", "step")
    model: tuple[str, ...] = ("sasrec",)
    tokens: int = limited(16_384, 0, 2**31)
    batch: int = limited(0, 0, 2**31)
    width: tuple[int, ...] = limited((64,), 1, 65_536)
    layers: int = limited(2, 1, 256)
    heads: tuple[int, ...] = limited((2,), 1, 1024)
    items: int = limited(3416, 1, 2**31 - 1)
    budget: float = limited(20.0, 0.1, 86_400)
    seed: int = limited(0, 0, 2**63 - 1)
    device: str = "cpu"
    dtype: tuple[str, ...] = ("float32",)
    threads: int = limited(1, 1, 1024)

    def __post_init__(self) -> None:
        """Check every limit, every name, that widths split into heads, and that tokens or batch is given, not both."""
        check(self)
        if bool(self.tokens) == bool(self.batch):
            raise UsageError("give one of --tokens (the same at every length) and --batch (sequences at every length).")
        for kind, given, known in (("phase", self.phase, PHASES), ("dtype", self.dtype, DTYPES)):
            for name in given:
                if name not in known:
                    raise catalog.unknown(kind, name, known)


def check(settings: Any) -> None:
    """Check the settings against their limits.

    Raises:
        UsageError: a value lies outside, or is not a number, or a width does not split into heads.
    """
    for item in fields(settings):
        low, high = item.metadata.get("low"), item.metadata.get("high")
        for value in each(getattr(settings, item.name)):
            if low is not None and not (low <= value and (high is None or value <= high)):
                upper = "" if high is None else f" and at most {high:,}"
                flag = item.name.replace("_", "-")
                raise UsageError(f"--{flag} {value} is out of range; it must be at least {low:,}{upper}.")
    for width, heads in product(each(settings.width), each(settings.heads)):
        if width % heads:
            raise UsageError(f"--width {width} does not split into --heads {heads}; choose a multiple.")


def each(value: Any) -> tuple[Any, ...]:
    """Make a tuple of a setting that has one value."""
    return value if isinstance(value, tuple) else (value,)


def digest(settings: Any) -> str:
    """Digest the settings: 10 hexadecimal digits that change with any of them."""
    content = asdict(settings) | {"kind": type(settings).__name__}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]


def options(spec: str) -> tuple[str, str]:
    """Split an attention's spec into its name and the options as they stand in a row."""
    name, _, rest = spec.partition(":")
    catalog.parse(spec)
    return name, rest
