"""Which of LinRec's forms a GPU runs: Triton's, where it was tried there and found right, or torch's operators."""

import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import elu

from linrec_cli.kernels import _chunks, _triton, _triton_bidirectional
from linrec_cli.kernels._chunks import KEY_EPS, QUERY_EPS
from linrec_cli.kernels._compiled import exporting, forced

LIMITS = {torch.float32: 2e-4, torch.bfloat16: 2e-2}
"""How far output and gradients may be from those of the plain form in float64, relative to their norms."""
LENGTHS = ((600, 70), (70, 1))
"""Positions of the sequences it is tried on, by batches: enough to be cut in segments, and too few."""


def serves(q: Tensor, k: Tensor, v: Tensor, decay: bool = False, causal: bool = True) -> bool:
    """Tell whether Triton's form is to run: it is forced, or right where it was tried.

    Raises:
        RuntimeError: it is forced, and there is an obstacle.
    """
    if exporting():
        return False
    if forced() == "triton":
        if why := _triton.unfit(q, k, v) or _triton.available():
            raise RuntimeError(f"the Triton form of linrec can't run: {why}.")
        return True
    return forced() == "auto" and q.is_cuda and not _triton.unfit(q, k, v) and right(q.shape[3], q.dtype, decay, causal)


# What is tried once, torch.compile need not trace; it takes no notice of that where it is said of what is cached.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def right(size: int, kind: torch.dtype, decay: bool, causal: bool) -> bool:
    """Try the kernels on this GPU, forward and backward, for heads of so many features; once a process."""
    return not _triton.available() and fault(size, kind, decay, causal) == ""


@cache
def fault(size: int, kind: torch.dtype, decay: bool, causal: bool) -> str:
    """Say what is wrong with the kernels on this GPU, and warn of it; what can't be compiled or run is.

    Returns:
        nothing where they are right.
    """
    try:
        error = wrong(size, kind, decay, causal, "cuda")
        found = "" if error <= LIMITS[kind] else f"they are off by {error:.1g}"
    except Exception as error:
        found = (str(error).strip() or type(error).__name__).splitlines()[0]
    if found:
        warnings.warn(f"Triton's kernels are not used, heads of {size} in {kind}: {found}.", RuntimeWarning, 2)
    return found


def wrong(size: int, kind: torch.dtype, decay: bool, causal: bool, device: str) -> float:
    """Measure the largest relative error of output and gradients; endless where one is no number."""
    # Nothing is drawn from what trains, and gradients are had where a ranking has switched them off.
    generator, errors = torch.Generator().manual_seed(0), [0.0]
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device, enabled=False):
        for lengths in LENGTHS:
            # As one projection gives them.
            packed = torch.randn(len(lengths), max(lengths), 3, 2, size, generator=generator).to(device, kind)
            given = [x.transpose(1, 2) for x in packed.unbind(2)]
            more = [torch.tensor([-0.02, -0.4], device=device)] if decay else []
            ends = torch.tensor(lengths, device=device)
            exact, gradient = differentiated(_chunks.mix if causal else plain, given, more, ends, causal)
            mix = _triton.mix if causal else _triton_bidirectional.mix
            found, _ = differentiated(mix, given, more, ends, causal, gradient)
            with torch.no_grad():
                found.append(mix(*given, *more, *([] if causal else [ends])))
            pairs = zip(found, [*exact, exact[0]], strict=True)
            errors += [float((x.double() - y.double()).norm() / y.double().norm()) for x, y in pairs]
    return max(error if error == error else float("inf") for error in errors)


def differentiated(
    mix: Callable[..., Tensor],
    given: list[Tensor],
    more: list[Tensor],
    lengths: Tensor,
    causal: bool,
    gradient: Tensor | None = None,
) -> tuple[list[Tensor], Tensor]:
    """Mix, and differentiate by what is given; in float64, and by half the squared output, without a gradient.

    By that the sum over positions that a log-decay's gradient is does not cancel.
    """
    leaves = [x.detach().to(torch.float64 if gradient is None else x.dtype).requires_grad_() for x in (*given, *more)]
    out = mix(*leaves, *([] if causal else [lengths]))
    gradient = out.detach() if gradient is None else gradient.to(out.dtype)
    return [out.detach(), *torch.autograd.grad(out, leaves, gradient)], gradient


def plain(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
    """Mix by the bidirectional formula, all `[B, H, T, D]`."""
    real = (torch.arange(k.shape[2], device=k.device) < lengths[:, None])[:, None, :, None]
    q, k = elu(q), elu(k) * real
    n = k.square().sum(2, keepdim=True) + KEY_EPS
    scale = (q.square().sum(3, keepdim=True) + QUERY_EPS) * n * lengths[:, None, None, None]
    return q * scale.rsqrt() @ (k.mT @ v)
