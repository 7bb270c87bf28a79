"""Run Triton's kernels under its interpreter and print how far they are from the plain form."""

import json
import os

# Read when Triton is imported, which torch may do.
os.environ["TRITON_INTERPRET"] = "1"

import torch
from torch import Tensor

from linrec_cli.kernels import _triton, linrec
from linrec_cli.kernels._chunks import mix

DECAYS = (-0.02, -6.0, -0.4)
SHAPES = [
    (2, 2, 37, 8, True),
    (1, 3, 33, 16, False),
    (2, 1, 1, 24, False),
    (1, 1, 35, 50, True),
    (1, 1, 17, 128, False),
]
"""Batch, heads, positions, features, and whether they fade; chunks are of 16 positions."""


def far(ours: Tensor, theirs: Tensor) -> float:
    """Measure a difference by the norm of what should be there."""
    return ((ours.double() - theirs).norm() / theirs.norm().clamp(min=1e-9)).item()


def drawn(batch: int, heads: int, length: int, size: int, decay: bool) -> tuple[list[Tensor], Tensor | None, Tensor]:
    """Draw queries, keys and values as views of one tensor, a log-decay, and the gradient of the output."""
    packed = torch.randn(batch, length, 3, heads, size)
    log_decay = torch.tensor(DECAYS[:heads]) if decay else None
    grad = torch.randn(batch, length, heads, size).transpose(1, 2)
    return [x.transpose(1, 2) for x in packed.unbind(2)], log_decay, grad


def errors(inputs: list[Tensor], log_decay: Tensor | None, grad: Tensor) -> list[float]:
    """Compare output and gradients with the plain form in float64."""
    exact = [x.double().detach().requires_grad_() for x in inputs + ([] if log_decay is None else [log_decay])]
    right = mix(*exact)
    right.backward(grad.double())
    out, kept = _triton.forward(*inputs, log_decay)
    assert torch.equal(out, _triton.forward(*inputs, log_decay, keep=False)[0])
    ours = [out, *_triton.backward(grad, *inputs, log_decay, kept)][: len(exact) + 1]
    assert all(x.dtype == torch.float32 for x in ours)
    return [far(x, y) for x, y in zip(ours, [right.detach(), *(x.grad for x in exact)], strict=True)]


def wired(batch: int, heads: int, length: int, size: int) -> list[float]:
    """Compare what a graph gets from it, where it is forced, with the plain form."""
    inputs, log_decay, grad = drawn(batch, heads, length, size, True)
    found = []
    for form, kind in (("triton", torch.float32), ("plain", torch.float64)):
        given = [x.to(kind).detach().requires_grad_() for x in (*inputs, log_decay)]
        with linrec.force(form):
            out = linrec.mix(*given)
        out.backward(grad.to(kind))
        found.append([out.detach(), *(x.grad for x in given)])
    return [far(x, y) for x, y in zip(*found, strict=True)]


def main() -> None:
    """Print the errors of each case: shapes, then settings of bfloat16, small queries, positions not side by side."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    found = {str(shape): errors(*drawn(*shape)) for shape in SHAPES}
    (q, k, v), _, grad = drawn(1, 1, 5, 16, False)
    found["small"] = errors([q * 1e-4, k * 1e-2, v], None, grad)
    found["apart"] = errors([x.mT.contiguous().mT for x in (q, k, v)], None, grad.mT.contiguous().mT)
    found["no keys"] = [_triton.forward(q, torch.zeros_like(k), v)[0].abs().max().item()]
    exact = _triton.settings
    # What bfloat16 is computed with, but for its rounding, which the interpreter does not have.
    _triton.settings = lambda size, kind, decay: exact(size, torch.bfloat16, decay) | {"SUMS": "ieee"}
    found["bfloat16"] = errors(*drawn(1, 1, 40, 16, False))
    _triton.settings, _triton.available = exact, lambda: ""
    found["in a graph"] = wired(2, 3, 18, 16)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
