"""What this machine can do: what torch sees of it, how fast it is, and whether every mechanism is right on it."""

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from linrec_cli import catalog
from linrec_cli.errors import FaultError, LinrecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

LIMITS = {"float32": 2e-4, "bfloat16": 4e-2}
"""How far a mechanism may be from its formula in float64, relative to the norms of output and gradient."""
LENGTHS = (70, 33, 1)
LONG = (600, 70, 1)
"""With a sequence that a form in Triton cuts in segments."""
WIDTH, HEADS = 32, 2
FUSED = (("linear", "causal"), ("linear", "bidirectional"), ("linear-gated", "causal"))
"""Mechanisms that have a form in Triton, and which."""


@dataclass(frozen=True)
class Check:
    """A mechanism held against its formula on a device.

    Attributes:
        error: the largest of output and gradient of the input, relative; None where it could not be run.
        kernel: what mixed the positions.
        note: why it could not be run, or what is wrong.
    """

    attention: str
    form: str
    dtype: str
    error: float | None = None
    kernel: str = ""
    note: str = ""

    @property
    def fine(self) -> bool:
        """Tell whether it is as near to its formula as it should be."""
        return self.error is not None and self.error <= LIMITS[self.dtype]


def machine(device: str) -> dict[str, str]:
    """Say what there is: versions, processor, memory, accelerators, and what reads and compiles for them."""
    import torch

    from linrec_cli import machine
    from linrec_cli.kernels._library import load

    known, cores = machine.describe("cpu"), machine.cores()
    compilers = filter(None, map(shutil.which, ("cc", "gcc", "clang")))
    return {
        "device": device,
        "linrec": " ".join(filter(None, (known["linrec"], known["commit"]))),
        "python": f"{platform.python_version()} on {sys.platform} {platform.machine()}",
        "torch": f"{torch.__version__}, {f'CUDA {torch.version.cuda}' if torch.version.cuda else 'built without CUDA'}",
        "processor": f"{machine.processor()}, {cores} core{'' if cores == 1 else 's'} for this process",
        "memory": f"{machine.memory() / 2**30:.0f} GiB for this process",
        "cuda": cuda(),
        "driver": driver(device),
        "kernel": load()[1] or "compiled for the CPU: LinRec, causal and bidirectional",
        "compiler": next(compilers, "none: torch.compile falls back to running operators one by one"),
    }


def cuda() -> str:
    """Name the GPU that would be used, or say why there is none."""
    import torch

    if torch.cuda.is_available():
        found = torch.cuda.get_device_properties(0)
        return f"{found.name}, {found.total_memory / 2**30:.0f} GiB, compute capability {found.major}.{found.minor}"
    return "none: torch is built without it" if torch.version.cuda is None else "none: no GPU, or no driver, is seen"


def driver(device: str) -> str:
    """Say whether clock, temperature, energy and other processes of a GPU can be read."""
    import torch

    from linrec_cli.profiling.nvml import Gpu

    if device != "cuda":
        return "not asked: no GPU is used"
    try:
        reading = Gpu(str(torch.cuda.get_device_properties(0).uuid)).reading()
    except LinrecError as error:
        return str(error)
    said = {name: "unknown" if value is None else f"{value:g}" for name, value in asdict(reading).items()}
    return f"clock {said['hertz']} Hz, {said['celsius']} degrees Celsius, other processes: {said['others']}"


def ceilings(device: str, threads: int, seconds: float = 1.0) -> tuple[dict[str, float], bool]:
    """Measure how many bytes a copy moves and how many operations a product does in a second, at best.

    Returns:
        both, and whether others used the cores meanwhile.
    """
    from linrec_cli import usage
    from linrec_cli.profiling import roofline

    child = roofline.measure(device, "float32", threads, seconds)
    next(child)
    before = usage.read()
    found: dict[str, list[float]] = next(child)
    used = usage.read().since(before)
    return {name: max(samples) for name, samples in found.items()}, used.contended(threads, waits=device != "cpu")


def checks(device: str) -> Iterator[Check]:
    """Hold each mechanism, in each form and number format, against its formula in float64 on the CPU."""
    from linrec_cli.kernels import _triton

    dtypes = ["float32"] if device == "cpu" else [*LIMITS]
    for name in catalog.names("attentions"):
        try:
            forms = catalog.load("attentions", name).FORMS
        except FaultError as error:
            yield Check(name, "none", "any", note=str(error).rstrip("."))
            continue
        for form, dtype in product(forms, dtypes):
            yield check(name, form, dtype, device)
    # Each form that may be what runs, of which there is one.
    kernels = ("triton", "plain") if device == "cuda" and not _triton.available() else ()
    for (name, form), dtype, forced in product(FUSED, dtypes, kernels):
        yield check(name, form, dtype, device, forced, LONG)


def check(
    name: str, form: str, dtype: str, device: str, forced: str = "auto", lengths: tuple[int, ...] = LENGTHS
) -> Check:
    """Run one mechanism forward and backward, and its formula; what fails is told and not raised.

    Args:
        forced: the form of the kernel that is run.
        lengths: of the sequences.
    """
    import torch

    from linrec_cli.attentions._build import build
    from linrec_cli.kernels.linrec import force
    from linrec_cli.profiling import kernel

    try:
        torch.manual_seed(0)
        ours = build(name, WIDTH, HEADS, causal=form == "causal", maxlen=max(lengths))
        exact = build(name, WIDTH, HEADS, causal=form == "causal", maxlen=max(lengths)).double()
        exact.load_state_dict(ours.state_dict())
        given = torch.randn(2, len(lengths), max(lengths), WIDTH)
        expected = ran(exact, given, lengths, "cpu", None)
        low = None if dtype == "float32" else getattr(torch, dtype)
        found: list[list[Tensor]] = []
        with force(forced):
            seen = kernel.name({"once": lambda: found.append(ran(ours.to(device), given, lengths, device, low))})
        ran_by = seen if forced == "auto" else forced
    except Exception as error:
        return Check(name, form, dtype, note=(str(error).strip() or type(error).__name__).splitlines()[0])
    most = max(apart(*pair) for pair in zip(found[0], expected, strict=True))
    note = "" if most <= LIMITS[dtype] else f"more than {LIMITS[dtype]:g} from its formula"
    return Check(name, form, dtype, most, ran_by, note)


def ran(
    attention: "nn.Module", given: "Tensor", lengths: tuple[int, ...], device: str, low: "torch.dtype | None"
) -> "list[Tensor]":
    """Give the output of a layer at real positions, and the gradient of its input; in float64 by its formula."""
    import torch

    exact: Any = attention
    ends = torch.tensor(lengths, device=device)
    real = (torch.arange(max(lengths), device=device) < ends[:, None])[..., None]
    x, weight = (part.to(device, next(attention.parameters()).dtype) for part in given)
    x = x.requires_grad_()
    with torch.autocast(device, low, enabled=low is not None):
        if x.dtype == torch.float64 and hasattr(exact, "reference"):
            out = exact.join(exact.reference(*exact.split(x), ends), x)
        else:
            out = exact(x, ends)
    if out.shape != x.shape:
        raise ValueError(f"gives {[*out.shape]} of x {[*x.shape]}")
    out = out * real
    (out * weight).sum().backward()
    assert x.grad is not None
    return [out.detach(), x.grad]


def apart(found: "Tensor", expected: "Tensor") -> float:
    """Measure how far a tensor is from another, relative to its norm; not a number is infinitely far."""
    error = float((found.cpu().double() - expected).norm() / expected.norm())
    return error if error == error else float("inf")
