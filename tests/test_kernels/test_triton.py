"""The Triton kernel: what it computes under the interpreter, what it compiles to, and where it cannot run."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from linrec_cli.attentions._build import build
from linrec_cli.kernels import _triton, _triton_bidirectional, bidirectional, linrec

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


def test_lengths_are_whole_numbers_one_a_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_triton, "available", lambda: "there is no GPU")
    x = torch.randn(2, 1, 3, 16)
    for lengths in (torch.tensor([1.0, 2.0]), torch.tensor([3]), torch.tensor(3)):
        assert _triton_bidirectional.obstacle(x, x, x, lengths) == "it takes a whole length for each sequence"
    assert _triton_bidirectional.obstacle(x, x, x, torch.tensor([3, 1])) == "there is no GPU"


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
    monkeypatch.setattr(_triton.Mix, "apply", None)
    assert linrec.mix(x, x, x).shape == shape


def test_the_bidirectional_form_runs_where_it_is_forced_alone_and_says_what_it_cannot_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_triton, "available", lambda: "there is no GPU")
    x, lengths = torch.randn(2, 1, 3, 16), torch.tensor([3, 1])
    layer = build("linear", 16, 1, causal=False, maxlen=3)
    expected = layer.attend(x, x, x, lengths)
    with linrec.force("triton"):
        assert bidirectional.serves(x.to("meta"), x.to("meta"), x.to("meta"))
        with pytest.raises(RuntimeError, match="the Triton form of linrec can't run: there is no GPU"):
            layer.attend(x, x, x, lengths)
        monkeypatch.setattr(_triton_bidirectional, "obstacle", lambda *given: "")
        monkeypatch.setattr(_triton_bidirectional, "mix", lambda q, k, v, lengths: 2 * v)
        assert layer.attend(x, x, x, lengths).equal(2 * x)
    assert layer.attend(x, x, x, lengths).equal(expected)


def test_it_serves_another_device_than_a_cpu_where_it_is_forced_alone() -> None:
    assert linrec.serves("cpu")
    assert not linrec.serves("cuda")
    with linrec.force("triton"):
        assert linrec.serves("cuda")
