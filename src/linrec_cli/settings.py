"""The frozen settings of a run: their names, limits, defaults and digest."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
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
    model: str = "sasrec"
    attn: str = "linear"
    maxlen: int = limited(200, 1, 1_000_000)
    width: int = limited(64, 1, 65_536)
    layers: int = limited(2, 1, 256)
    heads: int = limited(2, 1, 1024)
    dropout: float = limited(0.3, 0.0, 0.95)
    lr: float = limited(1e-3, 0.0, 10.0)
    weight_decay: float = limited(0.01, 0.0, 10.0)
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


@dataclass(frozen=True)
class Profile:
    """Everything that can alter the numbers of a profile, and nothing else."""

    attn: tuple[str, ...] = ("softmax", "linear")
    maxlen: tuple[int, ...] = (128, 256, 512, 1024)
    phase: tuple[str, ...] = ("attention", "step")
    model: str = "sasrec"
    tokens: int = limited(16_384, 1, 2**31)
    width: int = limited(64, 1, 65_536)
    layers: int = limited(2, 1, 256)
    heads: int = limited(2, 1, 1024)
    items: int = limited(3416, 1, 2**31 - 1)
    budget: float = limited(20.0, 0.1, 86_400)
    seed: int = limited(0, 0, 2**63 - 1)
    device: str = "cpu"
    dtype: str = "float32"
    threads: int = limited(1, 1, 1024)

    def __post_init__(self) -> None:
        """Check every limit, every length, every name, and that width splits into heads."""
        check(self)
        for length in self.maxlen:
            if not 1 <= length <= 1_000_000:
                raise UsageError(f"--maxlen {length} is out of range; it must be between 1 and 1,000,000.")
        for phase in self.phase:
            if phase not in ("attention", "step"):
                raise catalog.unknown("phase", phase, ("attention", "step"))
        if self.dtype not in ("float32", "bfloat16"):
            raise catalog.unknown("dtype", self.dtype, ("float32", "bfloat16"))


def check(settings: Any) -> None:
    """Check the settings against their limits.

    Raises:
        UsageError: a value lies outside, or is not a number, or width does not split into heads.
    """
    for item in fields(settings):
        value, low, high = getattr(settings, item.name), item.metadata.get("low"), item.metadata.get("high")
        if low is not None and not (low <= value and (high is None or value <= high)):
            upper = "" if high is None else f" and at most {high:,}"
            flag = item.name.replace("_", "-")
            raise UsageError(f"--{flag} {value} is out of range; it must be at least {low:,}{upper}.")
    if settings.width % settings.heads:
        split = f"--width {settings.width} does not split into --heads {settings.heads}"
        raise UsageError(f"{split}; choose a multiple.")


def digest(settings: Any) -> str:
    """Digest the settings: 10 hexadecimal digits that change with any of them."""
    content = asdict(settings) | {"kind": type(settings).__name__}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]


def options(spec: str) -> tuple[str, str]:
    """Split an attention's spec into its name and the options as they stand in a row."""
    name, _, rest = spec.partition(":")
    catalog.parse(spec)
    return name, rest
