"""The Triton kernel: what it computes under the interpreter, what it compiles to, and where it cannot run."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from linrec_cli.attentions._build import build
from linrec_cli.kernels import _chunks, _tried, _triton, _triton_bidirectional, bidirectional, linrec

HERE = Path(__file__).parent
triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed: pip install 'linrec[kernels-test]'"
)


def run(*command: str, **more: str) -> str:
    """Run Python in this folder: Triton reads once, when it is imported, whether it interprets."""
    room = Path(_triton.__file__).parents[2]
    environment = os.environ | more | {"PYTHONPATH": os.pathsep.join([str(room), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, *command], cwd=HERE, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def found() -> dict[str, list[float]]:
    if importlib.util.find_spec("triton") is None:
        pytest.skip("triton is not installed: pip install 'linrec[kernels-test]'")
    errors: dict[str, list[float]] = json.loads(run("interpreted.py"))
    return errors


def worst(found: dict[str, list[float]], start: str) -> dict[str, float]:
    """Give the largest error of each case whose name starts so; what is no number is endless."""
    cases = {case: errors for case, errors in found.items() if case.startswith(start)}
    return {case: max(x if x == x else float("inf") for x in errors) for case, errors in cases.items()}


def test_output_and_gradients_are_those_of_the_plain_form_at_any_length_and_width(
    found: dict[str, list[float]],
) -> None:
    assert found["no keys"] == [0.0]
    others = worst(found, "(") | worst(found, "small") | worst(found, "apart, ") | worst(found, "in a graph")
    # Of a first key nearly all is normed away, and with it the digits of its gradient.
    assert others.pop("(2, 1, 1, 24, False)") < 3e-5
    assert worst(found, "bfloat16").popitem()[1] < 1e-5
    assert len(others) == 6
    assert {case: error for case, error in others.items() if error > 2e-6} == {}


def test_tried_as_on_a_gpu_it_is_right(found: dict[str, list[float]]) -> None:
    assert max(found["tried"]) < 2e-5


def test_segments_give_and_keep_what_one_does(found: dict[str, list[float]]) -> None:
    many, one = worst(found, "cut"), worst(found, "same")
    assert len(many) == len(one) == 3
    assert {case: error for case, error in many.items() if error > 2e-6} == {}
    assert {case: error for case, error in one.items() if error > 2e-6} == {}


def test_counts_before_a_segment_are_sums_over_all_before_it(found: dict[str, list[float]]) -> None:
    assert max(worst(found, "counts").values()) < 1e-6


def test_the_bidirectional_form_is_the_formula_over_real_keys(found: dict[str, list[float]]) -> None:
    errors = worst(found, "bidirectional")
    assert len(errors) == 2
    assert max(errors.values()) < 1e-6


@pytest.mark.parametrize(
    ("programs", "length", "chunk", "expected"),
    [
        (8, 4096, 32, (8, 16)),
        (1, 700, 16, (22, 2)),
        (100, 65536, 32, (410, 5)),
        (1, 2048, 16, (16, 8)),
        (256, 65536, 64, (512, 2)),
        (257, 65536, 64, (1024, 1)),
        (1000, 65536, 64, (1024, 1)),
        (1, 511, 16, (32, 1)),
        (1, 1, 16, (1, 1)),
        # Of 20 chunks in 6 segments, 4 each leave none for the sixth.
        (80, 10240, 512, (4, 5)),
    ],
)
def test_sequences_are_cut_where_they_are_few_and_long(
    programs: int, length: int, chunk: int, expected: tuple[int, int]
) -> None:
    assert _triton.segments(programs, length, chunk) == expected


def test_lengths_are_whole_numbers_one_a_sequence() -> None:
    x = torch.randn(2, 1, 3, 16)
    for lengths in (torch.tensor([1.0, 2.0]), torch.tensor([3]), torch.tensor(3)):
        with pytest.raises(ValueError, match=r"lengths are whole numbers, one a sequence\."):
            _triton_bidirectional.mix(x, x, x, lengths)


@triton
def test_what_a_hopper_is_given_spills_nothing(tmp_path: Path) -> None:
    # The widest of what is mostly run, and the narrowest with most parts; `compiled.py` alone prints all.
    wide = ("fill", "fill_gradients", "first_gradients", "ask_gradients")
    cases = (*(f"{name} bf16 64 no-decay" for name in wide), "fill_gradients bf16 16 decay", "gather bf16 64 decay")
    found = re.findall(r"(.*): (\d+) (\d+) (\d+)", run("compiled.py", *cases, TRITON_CACHE_DIR=str(tmp_path)))
    assert {case: int(stack) for case, _, stack, _ in found} == dict.fromkeys(cases, 0)


def test_heads_too_wide_for_the_registers_are_refused() -> None:
    with pytest.raises(ValueError, match="heads of 129 features, of which at most 128 fit the registers"):
        _triton.settings(129, torch.bfloat16, False)


def test_where_the_kernel_cannot_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert _triton.available() == "triton is not installed"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert _triton.available() == "there is no GPU that CUDA can use"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for capability, said in [((7, 5), "the GPU is older than compute capability 8.0"), ((8, 0), ""), ((9, 0), "")]:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None, is_=capability: is_)
        assert _triton.available() == said


def test_the_module_is_imported_without_triton() -> None:
    code = "import sys; sys.modules['triton'] = None; from linrec_cli.kernels import _triton; print(_triton.SHAPES)"
    assert run("-c", code) == f"{_triton.SHAPES}\n"


@pytest.mark.parametrize(
    ("shape", "dtype", "said"),
    [
        ((1, 1, 3, 129), torch.float32, "it takes heads of one width, up to 128, and at least a position"),
        ((1, 1, 0, 16), torch.float32, "it takes heads of one width, up to 128, and at least a position"),
        ((1, 1, 3, 16), torch.float64, "it takes float32 or bfloat16"),
        ((1, 1, 3, 16), torch.float32, "there is no GPU"),
    ],
)
def test_what_it_cannot_take_is_an_error_where_it_is_forced_and_not_run_elsewhere(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], dtype: torch.dtype, said: str
) -> None:
    monkeypatch.setattr(_triton, "available", lambda: "there is no GPU")
    x = torch.randn(*shape, dtype=dtype)
    with linrec.force("triton"), pytest.raises(RuntimeError, match=f"the Triton form of linrec can't run: {said}"):
        linrec.mix(x, x, x)
    monkeypatch.setattr(_triton, "mix", None)
    assert linrec.mix(x, x, x).shape == shape


@pytest.mark.parametrize(("attn", "causal"), [("linear", True), ("linear", False), ("linear-gated", True)])
def test_a_layer_runs_it_where_it_is_forced_alone_and_says_where_it_cannot(
    attn: str, causal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_triton, "available", lambda: "there is no GPU")
    x, lengths = torch.randn(2, 1, 3, 16), torch.tensor([3, 1])
    layer = build(attn, 16, 1, causal=causal, maxlen=3)
    expected = layer.attend(x, x, x, lengths)
    with linrec.force("triton"):
        with pytest.raises(RuntimeError, match="the Triton form of linrec can't run: there is no GPU"):
            layer.attend(x, x, x, lengths)
        monkeypatch.setattr(_triton, "available", lambda: "")
        monkeypatch.setattr(_triton if causal else _triton_bidirectional, "mix", lambda q, k, v, *more: 2 * v)
        assert layer.attend(x, x, x, lengths).equal(2 * x)
    assert layer.attend(x, x, x, lengths).equal(expected)


class Away:
    """Queries of a GPU, as far as one is asked about them."""

    is_cuda, dtype, device = True, torch.bfloat16, torch.device("cuda")
    shape = torch.Size([1, 1, 3, 16])
    numel = shape.numel


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, ...]]]:
    """Have a GPU on which the kernels are off by less than bfloat16 may be, and by more than float32 may."""
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(_triton, "available", lambda: "")
    monkeypatch.setattr(_tried, "wrong", lambda *given: found.append(given) or 0.01)
    _tried.fault.cache_clear()
    yield found
    _tried.fault.cache_clear()


def test_a_gpu_runs_it_where_it_was_tried_and_found_right(
    tried: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    there: Any = Away()
    for _ in range(2):
        assert linrec.serves(there, there, there, True)
        assert bidirectional.serves(there, there, there)
    assert tried == [(16, torch.bfloat16, True, True, "cuda"), (16, torch.bfloat16, False, False, "cuda")]
    with linrec.force("plain"):
        assert not linrec.serves(there, there, there, True)
    monkeypatch.setattr(there, "dtype", torch.float32)
    with pytest.warns(RuntimeWarning, match=r"not used, heads of 16 in torch.float32: they are off by 0.01\."):
        assert not linrec.serves(there, there, there)
    monkeypatch.setattr(there, "dtype", torch.float16)
    assert not linrec.serves(there, there, there)


@pytest.mark.parametrize(("kind", "least"), [(torch.float32, 2e-4), (torch.bfloat16, 2e-2)])
def test_it_may_be_off_by_so_much_and_no_more(
    tried: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, kind: torch.dtype, least: float
) -> None:
    monkeypatch.setattr(_tried, "wrong", lambda *given: 0.99 * least)
    assert _tried.right(16, kind, True, True)
    monkeypatch.setattr(_tried, "wrong", lambda *given: 1.01 * least)
    with pytest.warns(RuntimeWarning, match="not used"):
        assert not _tried.right(32, kind, True, True)


def test_a_decay_is_run_where_it_was_tried_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(_tried, "serves", lambda q, k, v, decay=False: asked.append(decay) or False)
    x = torch.randn(1, 2, 3, 8)
    linrec.mix(x, x, x)
    linrec.mix(x, x, x, torch.tensor([-0.1, -0.2]))
    away = x.to("meta")
    assert not linrec.serves(away, away, away, True)
    build("linear-gated", 16, 2, causal=True, maxlen=3).attend(x, x, x, torch.tensor([3]))
    assert asked == [False, True, True, True]


def test_what_fails_as_it_is_tried_or_cannot_be_tried_is_not_run(
    tried: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*given: object) -> float:
        raise RuntimeError("out of resource: shared memory")

    there: Any = Away()
    monkeypatch.setattr(_triton, "available", lambda: "triton is not installed")
    assert not linrec.serves(there, there, there)
    assert tried == []
    monkeypatch.setattr(_triton, "available", lambda: "")
    monkeypatch.setattr(_tried, "wrong", refused)
    with pytest.warns(RuntimeWarning, match="out of resource: shared memory"):
        assert not linrec.serves(there, there, there)
    assert not linrec.serves(there, there, there)


@pytest.mark.parametrize(("decay", "causal"), [(False, True), (True, True), (False, False)])
def test_a_kernel_that_is_off_is_found_as_it_is_tried(
    decay: bool, causal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, right = (_triton, _chunks.mix) if causal else (_triton_bidirectional, _tried.plain)
    monkeypatch.setattr(module, "mix", right)
    before = torch.get_rng_state()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert _tried.wrong(8, torch.float32, decay, causal, "cpu") < 2e-6
    assert before.equal(torch.get_rng_state())
    for planted in (
        *(turned(right, place) for place in range(4 if decay else 3)),
        lambda *given: right(*given) if torch.is_grad_enabled() else 1.1 * right(*given),
        lambda *given: right(*given) * (1.0 if given[0].shape[2] > 100 else 1.1),
        lambda *given: right(*given) * (1.1 if given[0].shape[2] > 100 else 1.0),
        lambda *given: right(*given) * (1.1 if not given[0].is_contiguous() and given[0].is_leaf else 1.0),
    ):
        monkeypatch.setattr(module, "mix", planted)
        assert _tried.wrong(8, torch.float32, decay, causal, "cpu") > max(_tried.LIMITS.values())
    monkeypatch.setattr(module, "mix", lambda *given: right(*given) * torch.nan)
    assert _tried.wrong(8, torch.float32, decay, causal, "cpu") == float("inf")


def turned(right: Callable[..., Tensor], place: int) -> Callable[..., Tensor]:
    """Be right but for the gradient of one input, which is a tenth too large."""

    def mix(*given: Tensor) -> Tensor:
        off = [1.1 * x - 0.1 * x.detach() if at == place else x for at, x in enumerate(given)]
        return right(*off)

    return mix
