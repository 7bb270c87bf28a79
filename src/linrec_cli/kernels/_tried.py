"""Which of LinRec's forms a GPU runs: Triton's, where it was tried there and found right, or torch's operators."""

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import elu

from linrec_cli.kernels import _chunks, _triton, _triton_bidirectional
from linrec_cli.kernels._chunks import KEY_EPS, QUERY_EPS
from linrec_cli.kernels._compiled import exporting, forced

LIMITS = {torch.float32: 2e-4, torch.bfloat16: 4e-2}
"""How far output and gradients may be from those of the plain form in float64, relative to their norms."""
LENGTHS = (600, 70)
"""Positions of the sequences it is tried on: enough to be cut in segments."""


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


# What is tried once, torch.compile need not trace.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
@cache
def right(size: int, kind: torch.dtype, decay: bool, causal: bool) -> bool:
    """Try the kernels on this GPU, forward and backward, for heads of so many features.

    What can't be compiled there, or fails as it runs, is not right.
    """
    if _triton.available():
        return False
    try:
        return wrong(size, kind, decay, causal, "cuda") <= LIMITS[kind]
    except Exception:
        return False


def wrong(size: int, kind: torch.dtype, decay: bool, causal: bool, device: str) -> float:
    """Measure the largest relative error of output and gradients; endless where one is no number."""
    # Nothing is drawn from what trains.
    generator, shape = torch.Generator().manual_seed(0), (4, len(LENGTHS), 2, max(LENGTHS), size)
    q, k, v, grad = torch.randn(shape, generator=generator).to(device, kind)
    lengths, found = torch.tensor(LENGTHS, device=device), []
    with torch.enable_grad(), torch.autocast(device, enabled=False):
        for exact in (False, True):
            given = [x.detach().to(torch.float64 if exact else kind).requires_grad_() for x in (q, k, v)]
            if decay:
                given.append(torch.tensor([-0.02, -0.4], device=device, requires_grad=True))
            if causal:
                out = (_chunks if exact else _triton).mix(*given)
            else:
                # What stands at padding is mixed too, but not told.
                out = plain(*given, lengths) if exact else _triton_bidirectional.mix(*given, lengths)
            found.append([out.detach(), *torch.autograd.grad(out, given, grad.to(out.dtype))])
    errors = [float((x.double() - y).norm() / y.norm()) for x, y in zip(*found, strict=True)]
    # A log-decay's gradient sums over all positions what nearly cancels.
    errors[4:] = [error / 10 for error in errors[4:]]
    return max(error if error == error else float("inf") for error in errors)


def plain(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
    """Mix by the bidirectional formula, all `[B, H, T, D]`."""
    real = (torch.arange(k.shape[2], device=k.device) < lengths[:, None])[:, None, :, None]
    q, k = elu(q), elu(k) * real
    n = k.square().sum(2, keepdim=True) + KEY_EPS
    scale = (q.square().sum(3, keepdim=True) + QUERY_EPS) * n * lengths[:, None, None, None]
    return q * scale.rsqrt() @ (k.mT @ v)
