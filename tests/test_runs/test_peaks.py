"""The most memory of a run: of training alone, and of validation alone."""

import pytest
import torch

from linrec_cli import runs
from linrec_cli.profiling import isolate, memory
from linrec_cli.runs.peaks import EPOCHS, Peaks
from linrec_cli.training import fit

pytestmark = pytest.mark.usefixtures("filled")
MIB = 2**20
TRAINING, VALIDATION = "peak_bytes", "validation_peak_bytes"


def peaks(result):
    rows = result.rows.filter(result.rows["metric"].is_in([TRAINING, VALIDATION]))
    assert set(rows["unit"]) == {"B"}
    return dict(rows.select("metric", "value").iter_rows())


def taking(function, mib, number=1):
    """Have a function take so many MiB while it runs."""

    def took(*args, **kwargs):
        blocks = [torch.ones(mib * MIB // 4 // number) for _ in range(number)]
        found = function(*args, **kwargs)
        del blocks
        return found

    return took


def trained(settings, data, *mib):
    """Train where a step and a validation take so many MiB more."""
    for name, own in zip(("step", "validate"), mib, strict=True):
        setattr(fit, name, taking(getattr(fit, name), own))
    yield peaks(runs.train(settings, data))


@pytest.mark.parametrize("mib", [(64, 0), (0, 64), (32, 96)])
def test_what_training_held_and_what_validation_held_are_two_peaks(data, quick, mib):
    # In a process of its own: what other tests left in this one may be given back meanwhile, and is then missing.
    found = isolate.Child(trained, quick(), data, *mib).answer(60).content
    for metric, own in zip((TRAINING, VALIDATION), mib, strict=True):
        # Beside it a small model, and pages of code that first runs then.
        assert own * MIB <= (found[metric] or 0) < (own + 16) * MIB


def test_what_the_allocator_keeps_of_training_is_none_of_validation(really, data, quick, monkeypatch):
    monkeypatch.setattr(fit, "step", taking(fit.step, 64, number=8))
    found = peaks(runs.train(quick(), data))
    assert (found[VALIDATION] or 0) < 32 * MIB < found[TRAINING]


def test_what_saving_takes_counts_as_neither(really, here, data, quick, monkeypatch):
    from linrec_cli.training import checkpoint

    monkeypatch.setattr(checkpoint, "save", taking(checkpoint.save, 64))
    found = peaks(runs.train(quick(epochs=3), data, here / "run"))
    assert all((value or 0) < 16 * MIB for value in found.values())


@pytest.mark.parametrize(("graphs", "counter"), [(False, "allocated"), (True, "reserved")])
def test_on_a_gpu_peaks_are_above_what_stood_before_and_hold_what_graphs_keep_aside(graphs, counter, monkeypatch):
    held = iter([10_000_000, 7_000_000, 99_000_000, 12_000_000, 5_000_000, 99_000_000])
    reset = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: reset.append(True))
    monkeypatch.setattr(torch.cuda, f"memory_{counter}", lambda: 3_000_000)
    monkeypatch.setattr(torch.cuda, f"max_memory_{counter}", lambda: next(held))
    found = Peaks("cuda", graphs)
    for _ in range(EPOCHS + 1):
        for part in ("train", "valid", "save"):
            found.ended(part)
    assert len(reset) == 1 + 3 * EPOCHS
    training, validation = found.rows()
    note = f"{counter} above the 3.0 MB held before the model was built"
    assert (training["metric"], training["value"], training["note"]) == (TRAINING, 9e6, f"training alone: {note}")
    assert (validation["metric"], validation["value"]) == (VALIDATION, 4e6)
    assert validation["note"] == f"validation alone: {note}"


def test_where_the_mark_cannot_be_set_back_that_of_the_first_training_is_all_there_is(data, quick, monkeypatch):
    monkeypatch.setattr(memory, "reset", lambda: False)
    monkeypatch.setattr(memory, "above", lambda before: 4096)
    rows = runs.train(quick(), data).rows
    assert rows.filter(metric=TRAINING)["value"].to_list() == [4096.0]
    assert rows.filter(metric=VALIDATION)["status"].to_list() == ["skipped"]


def test_a_model_that_is_counted_has_both_peaks(data, quick, monkeypatch):
    marks = iter([4096, 8192, 0])
    monkeypatch.setattr(memory, "above", lambda before: next(marks))
    found = peaks(runs.train(quick(model="popular", attn="auto"), data))
    assert found == {TRAINING: 4096.0, VALIDATION: 8192.0}
