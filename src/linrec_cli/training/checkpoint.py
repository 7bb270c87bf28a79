"""A run on disk, so that it goes on where it was: safetensors, never pickle, each file written whole."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from linrec_cli import disk, seal
from linrec_cli.errors import DataError
from linrec_cli.training.state import Epoch, Position, State

Kind = TypeVar("Kind", Epoch, Position)

CHECKPOINT, WEIGHTS = "checkpoint.safetensors", "weights.safetensors"
UNFIT = (SafetensorError, RuntimeError, LookupError, OSError, ValueError, TypeError, AttributeError)
"""What comes of a header that is no such thing; one that is nested without end is a RuntimeError."""
KINDS: dict[Any, set[type]] = {int: {int}, float: {int, float}}
"""What counters are in JSON; the others are lists of whole numbers."""


def save(state: State, folder: Path) -> None:
    """Write what `load` needs: weights, best weights, their average, optimiser and counters, in one file."""
    tensors = {f"model.{name}": value for name, value in state.model.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in state.best.items()}
    tensors |= {f"average.{name}": value for name, value in state.average.items()}
    for index, moments in (state.optimizer.state_dict()["state"] if state.optimizer else {}).items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
    counters = asdict(state.at) | {"history": [asdict(epoch) for epoch in state.history]}
    write(tensors, folder / CHECKPOINT, {"counters": json.dumps(counters)})


def load(state: State, folder: Path) -> bool:
    """Bring a fresh state to where the folder's checkpoint stands; tell whether there was one.

    Raises:
        DataError: the checkpoint is damaged or belongs to another model.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return False
    try:
        seal.check(path)
        with safe_open(path, "pt") as file:
            counters = json.loads(file.metadata()["counters"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        state.model.load_state_dict(part(tensors, "model."))
        state.best = part(tensors, "best.")
        state.average = {name: value.to(state.settings.device) for name, value in part(tensors, "average.").items()}
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in part(tensors, "optimizer.").items():
            index, _, moment = name.partition(".")
            moments.setdefault(int(index), {})[moment] = value
        if state.optimizer:
            state.optimizer.load_state_dict(state.optimizer.state_dict() | {"state": moments})
        state.history = [stored(Epoch, epoch) for epoch in counters.pop("history")]
        state.at = stored(Position, counters)
    except UNFIT as error:
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise DataError(f"{path} cannot be used ({reason}); start anew with --fresh.") from None
    return True


def stored(kind: type[Kind], values: dict[str, Any]) -> Kind:
    """Make counters of what a header says of them.

    Raises:
        TypeError: it says something else.
    """
    made = kind(**values)
    for item in fields(made):
        value = getattr(made, item.name)
        inner = value if isinstance(value, list) else []
        if type(value) not in KINDS.get(item.type, {list}) or not all(type(one) is int for one in inner):
            raise TypeError(f"{item.name} is {value!r}")
    return made


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Take the tensors whose name starts with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def write(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors and their digest, all of them or nothing.

    Raises:
        DataError: the disk is full or the folder cannot be written.
    """
    with disk.whole(path) as part:
        kept = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        save_file(kept, part, {"seal": seal.BLANK} | (metadata or {}))
        seal.seal(part)


def read_weights(folder: Path, device: str) -> dict[str, Tensor]:
    """Read the best weights of a finished run.

    Raises:
        DataError: there are none, or they are damaged.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise DataError(
            f"no weights in {folder}; the run is not finished, failed, or has lost them: "
            "start its `linrec train` again, with --fresh if that says it is done."
        )
    try:
        seal.check(path)
        with safe_open(path, "pt", device=device) as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}); train the run again with --fresh.") from None


def digest(weights: dict[str, Tensor]) -> str:
    """Digest weights, bit for bit: 16 hexadecimal digits."""
    import hashlib

    whole = hashlib.sha256()
    for name in sorted(weights):
        whole.update(name.encode() + weights[name].detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()[:16]
