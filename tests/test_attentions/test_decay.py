"""The decayed scan against the recurrence it stands for."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from linrec_cli.attentions import _scan
from linrec_cli.attentions._decay import scan

LENGTHS = [1, 2, 63, 64, 65, 128, 129, 200]
COUNTS = [5, 6, 7, 8, 9, 16, 33]


def plain(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor) -> Tensor:
    decay = log_decay.expand(q.shape[:3]).exp()
    state, rows = torch.zeros(*q.shape[:2], q.shape[3], v.shape[3], dtype=q.dtype), []
    for t in range(q.shape[2]):
        state = decay[:, :, t, None, None] * state + k[:, :, t, :, None] * v[:, :, t, None]
        rows.append((q[:, :, t, None] @ state)[:, :, 0])
    return torch.stack(rows, 2)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parts(length: int) -> list[Tensor]:
    return [random(2, 3, length, size, seed=seed) for seed, size in enumerate((4, 4, 5))]


def strengths(shape: tuple[int, ...], kind: str) -> Tensor:
    u = random(*shape, seed=7)
    return {
        "mild": -0.05 * u.abs(),
        "none": 0 * u,
        "strong": -30 * u.abs(),
        "mixed": -torch.exp(6 * u),
        "total": torch.full_like(u, -0.01).masked_fill(u > 0, -1e300),
    }[kind]


def results(function: Callable[..., Tensor], inputs: list[Tensor]) -> list[Tensor]:
    leaves = [x.clone().requires_grad_() for x in inputs]
    out = function(*leaves)
    (out * random(*out.shape, seed=9)).sum().backward()
    return [out.detach(), *(x.grad for x in leaves)]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("kind", ["mild", "none", "strong", "mixed", "total"])
def test_values_and_gradients_are_those_of_the_recurrence(length: int, kind: str) -> None:
    inputs = [*parts(length), strengths((2, 3, length), kind)]
    for fast, slow in zip(results(scan, inputs), results(plain, inputs), strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("per", ["position", "head"])
def test_states_reach_over_any_number_of_chunks(count: int, per: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_scan, "CHUNK", 4)
    length = 4 * count - 1
    # From none at all to what leaves nothing of a position at the next.
    kinds = torch.tensor([0.0, -1e-6, -50.0], dtype=torch.float64)[:, None]
    log_decay = kinds if per == "head" else kinds.expand(3, length).clone()
    if per == "position":
        log_decay[:, 7:12] = -1.0
    inputs = [*parts(length), log_decay]
    for fast, slow in zip(results(scan, inputs), results(plain, inputs), strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-9 * max(1.0, slow.abs().max().item()))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("per", ["head", "position", "head and position", "user and position"])
def test_decays_broadcast_and_so_do_their_gradients(length: int, per: str) -> None:
    shape = {
        "head": (3, 1),
        "position": (length,),
        "head and position": (1, 3, length),
        "user and position": (2, 1, length),
    }[per]
    inputs = [*parts(length), strengths(shape, "mild")]
    for fast, slow in zip(results(scan, inputs), results(plain, inputs), strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-9)


def test_weak_decays_stay_exact_in_float32_after_strong_ones() -> None:
    log_decay = strengths((2, 3, 200), "mixed")
    log_decay[:, :, ::7] = -900
    inputs = [x.float() for x in (*parts(200), log_decay)]
    truth = results(plain, [x.double() for x in inputs])
    for fast, slow, true in zip(results(scan, inputs), results(plain, inputs), truth, strict=True):
        assert (fast - true).norm() <= 1.1 * (slow - true).norm() + 4 * torch.finfo(torch.float32).eps * true.norm()


def test_bfloat16_errs_about_as_its_own_rounding() -> None:
    inputs = [*parts(200), strengths((2, 3, 200), "mild")]
    truth = results(plain, inputs)
    for fast, true in zip(results(scan, [x.bfloat16() for x in inputs]), truth, strict=True):
        assert fast.dtype == torch.bfloat16
        assert (fast.double() - true).norm() < 0.01 * true.norm()


def test_autocast_leaves_the_type_to_the_values() -> None:
    q, k, v = (x.float().requires_grad_() for x in parts(100))
    log_decay = strengths((2, 3, 100), "mild").float().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        full, half = scan(q, k, v, log_decay), scan(q, k, v.bfloat16(), log_decay)
    assert (full.dtype, half.dtype) == (torch.float32, torch.bfloat16)
    (full.sum() + half.sum()).backward()
    assert all(x.grad.isfinite().all() for x in (q, k, v, log_decay))


def test_constant_decays_that_take_no_gradient_get_none() -> None:
    q, k, v = (x.requires_grad_() for x in parts(70))
    log_decay = torch.tensor([[-0.1], [-0.01], [-0.001]], dtype=torch.float64)
    scan(q, k, v, log_decay).sum().backward()
    assert log_decay.grad is None
