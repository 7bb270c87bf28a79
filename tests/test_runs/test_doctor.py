"""What the machine is said to be, and what a mechanism that is wrong on it looks like."""

import math
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

from linrec_cli import catalog
from linrec_cli import machine as here
from linrec_cli.attentions import linear
from linrec_cli.kernels import _chunks, _library, _triton
from linrec_cli.profiling import nvml
from linrec_cli.profiling.nvml import Reading
from linrec_cli.runs import doctor
from linrec_cli.runs.doctor import Check

ATTEND = linear.Attention.attend


def planted(monkeypatch, change):
    """Let `linear` give what `change` makes of its output and of what it was given."""
    monkeypatch.setattr(linear.Attention, "attend", lambda self, *given: change(ATTEND(self, *given), *given))
    return doctor.check("linear", "causal", "float32", "cpu")


def test_every_mechanism_in_every_form_is_right_here():
    found = list(doctor.checks("cpu"))
    assert {(one.attention, one.form) for one in found} == {
        (name, form) for name in catalog.names("attentions") for form in catalog.load("attentions", name).FORMS
    }
    assert [one for one in found if not one.fine or one.note or not one.kernel] == []
    assert {one.dtype for one in found} == {"float32"}
    assert max(one.error for one in found) > 1e-9, "float64 against itself"


def test_on_a_gpu_each_number_format_is_checked(monkeypatch):
    monkeypatch.setattr(doctor, "check", lambda *given: given)
    assert {given[2:] for given in doctor.checks("cuda")} == {("float32", "cuda"), ("bfloat16", "cuda")}


def test_each_form_that_a_gpu_may_run_is_checked_where_there_are_two(monkeypatch):
    monkeypatch.setattr(doctor, "check", lambda *given, **more: (*given, *more.values()))
    assert [given for given in doctor.checks("cuda") if len(given) > 4] == []
    monkeypatch.setattr(_triton, "available", lambda: "")
    assert [given for given in doctor.checks("cuda") if len(given) > 4] == [
        (*one, dtype, "cuda", forced, doctor.LONG)
        for one in (("linear", "causal"), ("linear", "bidirectional"), ("linear-gated", "causal"))
        for dtype in ("float32", "bfloat16")
        for forced in ("triton", "plain")
    ]
    assert [given for given in doctor.checks("cpu") if len(given) > 4] == []
    # Six sequences and heads are few, so that the longest is cut.
    assert _triton.segments(doctor.HEADS * len(doctor.LONG), max(doctor.LONG), 32)[1] > 1


@pytest.mark.parametrize("form", ["causal", "bidirectional"])
def test_a_mechanism_is_held_against_its_formula_at_the_lengths_that_are_asked_for(form, monkeypatch):
    made = []
    monkeypatch.setattr(
        doctor, "ran", lambda layer, given, lengths, *more: made.append((lengths, given.shape)) or [given]
    )
    assert doctor.check("linear", form, "float32", "cpu", "plain", (9, 4)).fine
    assert made == [((9, 4), (2, 2, 9, doctor.WIDTH))] * 2


def test_a_form_that_is_forced_is_what_runs(monkeypatch):
    monkeypatch.setattr(_triton, "available", lambda: "")
    monkeypatch.setattr(_triton, "mix", lambda *given: 2 * _chunks.mix(*given))
    found = doctor.check("linear", "causal", "float32", "cpu", forced="triton")
    assert (found.kernel, found.error) == ("triton", pytest.approx(1.0, rel=0.01))
    assert doctor.check("linear", "causal", "float32", "cpu", forced="plain").fine


def test_one_that_is_a_hundredth_off_is_not_fine(monkeypatch):
    found = planted(monkeypatch, lambda out, *given: 1.01 * out)
    assert found.error == pytest.approx(0.01, rel=0.1)
    assert not found.fine
    assert found.note == "more than 0.0002 from its formula"


def test_one_whose_gradient_alone_is_wrong_is_not_fine(monkeypatch):
    assert not planted(monkeypatch, lambda out, q, *given: out + q - q.detach()).fine


def test_what_stands_at_padding_does_not_count(monkeypatch):
    def spoiled(out, q, k, v, lengths):
        real = (torch.arange(out.shape[2]) < lengths[:, None])[:, None, :, None]
        return torch.where(real, out, 7.0)

    assert planted(monkeypatch, spoiled).fine


def test_padding_that_is_read_is_seen(monkeypatch):
    def all_of_it(self, q, k, v, lengths):
        return ATTEND(self, q, k, v, torch.full_like(lengths, q.shape[2]))

    monkeypatch.setattr(linear.Attention, "attend", all_of_it)
    assert not doctor.check("linear", "bidirectional", "float32", "cpu").fine


def test_what_another_device_gives_is_brought_here_before_it_is_widened(monkeypatch):
    class Away:
        """A tensor of a device that has no float64."""

        def cpu(self):
            return torch.ones(3)

    assert doctor.apart(Away(), torch.ones(3).double()) == 0


def test_what_is_no_number_is_infinitely_far_and_what_fails_says_why(monkeypatch):
    assert planted(monkeypatch, lambda out, *given: out * math.nan).error == math.inf

    def failing(*given):
        raise RuntimeError("no such kernel\nand more")

    found = planted(monkeypatch, failing)
    assert (found.error, found.note, found.fine) == (None, "no such kernel", False)


def test_the_machine_is_said_and_why_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(here, "memory", lambda: 3 * 2**30)
    found = doctor.machine("cpu")
    assert found["memory"] == "3 GiB for this process"
    assert torch.__version__ in found["torch"]
    assert found["driver"] == "not asked: no GPU is used"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert doctor.cuda() == "none: torch is built without it"
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert doctor.cuda() == "none: no GPU, or no driver, is seen"
    card = SimpleNamespace(name="A Card", total_memory=2**33, major=9, minor=0, uuid="1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda *which: card)
    assert doctor.cuda() == "A Card, 8 GiB, compute capability 9.0"
    monkeypatch.setitem(__import__("sys").modules, "pynvml", None)
    assert "pip install 'linrec[gpu]'" in doctor.driver("cuda")


def test_what_the_driver_of_a_gpu_says_is_written_out(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda which: SimpleNamespace(uuid="1"))
    reading = Reading(1.5e9, 40.0, None)
    monkeypatch.setattr(nvml, "Gpu", lambda uuid: SimpleNamespace(reading=lambda: reading))
    assert doctor.driver("cuda") == "clock 1.5e+09 Hz, 40 degrees Celsius, other processes: unknown"


def test_what_kernel_there_is_is_said_and_why_not(monkeypatch):
    monkeypatch.setattr(_library, "load", lambda: (object(), ""))
    assert doctor.machine("cpu")["kernel"] == "compiled for the CPU: LinRec, causal and bidirectional"
    monkeypatch.setattr(_library, "load", lambda: (None, "not built; install it again"))
    assert doctor.machine("cpu")["kernel"] == "not built; install it again"


def test_a_compiler_that_is_not_there_is_missed(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: "/bin/clang" if name == "clang" else None)
    assert doctor.machine("cpu")["compiler"] == "/bin/clang"
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert doctor.machine("cpu")["compiler"].startswith("none: ")


def test_speeds_are_the_best_of_their_samples(monkeypatch):
    from linrec_cli.profiling import roofline

    def child(device, dtype, threads, seconds):
        assert (device, dtype, threads, seconds) == ("cpu", "float32", 3, 1.0)
        yield None
        yield {"copy": [1.0, 3.0, 2.0], "matmul": [5.0]}

    monkeypatch.setattr(roofline, "measure", child)
    assert doctor.ceilings("cpu", 3)[0] == {"copy": 3.0, "matmul": 5.0}


@pytest.mark.parametrize("text", ["def (", "import nosuch", "x = 1", "FORMS = ('causal')"])
def test_a_file_that_is_at_fault_is_a_check_and_the_others_go_on(
    add: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(doctor, "check", lambda name, form, dtype, device: Check(name, form, dtype, 0.0))
    before = list(doctor.checks("cpu"))
    add("attentions/odd.py", text)
    (odd,) = [one for one in doctor.checks("cpu") if one not in before]
    assert odd.attention == "odd"
    assert not odd.fine
    assert "(attentions/odd.py" in odd.note
    assert len(list(doctor.checks("cpu"))) == len(before) + 1


def test_one_whose_output_is_of_another_shape_is_wrong(add: Callable[[str, str], None]) -> None:
    text = "from torch import nn\nFORMS = ('causal',)\nclass Attention(nn.Module):\n"
    text += "    def __init__(self, *given):\n        super().__init__()\n        self.inward = nn.Linear(1, 1)\n"
    add("attentions/odd.py", text + "    def forward(self, x, lengths):\n        return x.mean((0, 1))\n")
    found = doctor.check("odd", "causal", "float32", "cpu")
    assert not found.fine
    assert found.note == "gives [32] of x [3, 70, 32]"
