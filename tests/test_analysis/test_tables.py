"""Tables show what was measured, and sentences say why anything was not."""

import pytest

from linrec_cli.analysis import tables as summary

SHARED = {"options": "", "maxlen": 64, "width": 8, "heads": 2, "dtype": "float32", "status": "ok"}


def row(attention, metric, value=None, phase="attention", **more):
    number = {} if value is None else {"value": value, "low": value, "high": value}
    return SHARED | {"attention": attention, "metric": metric, "phase": phase} | number | more


def test_a_line_holds_what_its_columns_say_and_empty_columns_are_left_out():
    rows = [
        row("softmax", "seconds", 0.02, kernel="sdpa.flash", low=0.019, high=0.023),
        row("softmax", "peak_bytes", 2**20, stage="rss"),
        row("softmax", "peak_bytes", 2**30, stage="device"),
        row("softmax", "saved_bytes", 2**19),
        row("linear", "seconds", 0.01, kernel="eager"),
        row("linear", "peak_bytes", 2**21, stage="rss"),
        row("linear", "saved_bytes", 2**22),
    ]
    (table,) = summary.tables(rows)
    assert table.columns == ["maxlen", "attention", "ms", "±", "ratio", "peak MiB", "kept MiB"]
    assert table.lines == [
        ["64", "softmax", "20", "10%", "1.00x", "1.0", "0.5"],
        ["64", "linear", "10", "0%", "0.50x", "2.0", "4.0"],
    ]
    assert table.kernels == "sdpa.flash: softmax; eager: linear"


def test_the_ways_to_serve_have_a_line_each():
    rows = [
        row("linear", "seconds", 12.3456, "serve", stage="recurrence"),
        row("linear", "peak_bytes", 2**20, "serve", stage="recurrence.rss"),
        row("linear", "state_bytes", 8450, "serve", stage="recurrence"),
        row("linear", "peak_bytes", 2**25, "serve", stage="recurrence.device"),
        row("linear", "seconds", 1234.56, "serve", stage="recomputation"),
        row("linear", "users_per_second", 1234.5, "serve", stage="recomputation"),
        row("linear", "gpu_clock", 1e9, "serve", stage="before"),
        row("softmax", "seconds", phase="serve", status="oom"),
    ]
    (table,) = summary.tables(rows)
    assert table.columns == ["maxlen", "attention", "way", "ms", "±", "ratio", "users/s", "kept KiB"]
    assert table.lines == [
        ["64", "linear", "recurrence", "12,346", "0%", "1.00x", "-", "8.3"],
        ["64", "linear", "recomputation", "1,234,560", "0%", "100x", "1,234", "-"],
        ["64", "softmax", "-", "oom", "-", "-", "-", "-"],
    ]


def test_each_phase_and_size_has_a_table_the_whole_before_its_parts():
    rows = [row("linear", "seconds", 1.0, phase, width=width) for width in (8, 16) for phase in ("step", "forward")]
    rows.append(row("linear", "seconds", 1.0, "attention"))
    assert [(table.phase, table.size["width"]) for table in summary.tables(rows)] == [
        ("attention", 8),
        ("forward", 8),
        ("forward", 16),
        ("step", 8),
        ("step", 16),
    ]


@pytest.mark.parametrize("name", ["model", "width", "heads", "dtype"])
def test_what_differs_in_model_size_or_format_has_a_table_of_its_own(name):
    values = {"model": ("sasrec", "hstu"), "dtype": ("float32", "bfloat16")}.get(name, (8, 16))
    rows = [row("linear", "seconds", number, "step", **{name: value}) for number, value in enumerate(values, 1)]
    found = {table.size[name]: table.lines[0][2] for table in summary.tables(rows)}
    assert found == {values[0]: "1,000", values[1]: "2,000"}


def test_notes_say_why_what_is_missing_and_what_to_distrust():
    machine = {"phase": "machine", "metric": "bytes_per_second", "stage": "copy", "dtype": "float32"}
    told = summary.notes(
        [
            machine | {"value": 12.3e9, "status": "ok"},
            machine | {"metric": "flops_per_second", "stage": "matmul", "status": "oom", "note": "no memory"},
            row("softmax", "seconds", status="oom", note="capped"),
            row("softmax", "peak_bytes", status="oom", note="capped"),
            row("softmax", "seconds", maxlen=128, status="skipped", note="oom at length 64"),
            row("softmax", "seconds", maxlen=256, status="skipped", note="oom at length 64"),
            row("linear", "peak_bytes", status="skipped", note="nothing was told"),
            row("linear", "peak_bytes", maxlen=256, status="skipped", note="nothing was told"),
            row("linformer", "seconds", 1.0, form="bidirectional", contended=True),
            row("softmax", "seconds", 1.0, phase="step", form="bidirectional", model="bert4rec"),
        ]
    )
    assert told == [
        "ceiling of copy, float32: 12.3 GB a second",
        "no memory",
        "softmax at 64: oom, capped",
        "softmax from 128 on: skipped, oom at length 64",
        "linear at 64, 256: skipped, nothing was told",
        "in its bidirectional form, as it has no causal one: linformer",
        "timed while others were using the cores or the GPU: linformer",
    ]


def test_a_gpu_s_wall_time_has_a_column_and_what_is_bound_by_launches_is_told():
    rows = [
        row(name, metric, value, phase, maxlen=maxlen)
        for name, phase, maxlen, *times in (
            ("softmax", "step", 64, 0.001, 0.004), ("softmax", "step", 128, 0.004, 0.005),
            ("softmax", "step", 256, 0.010, 0.010), ("linear", "step", 64, 0.001, 0.00126),
            ("linear", "step", 256, 0.001, 0.1), ("linear", "forward", 128, 0.001, 0.00124),
            ("linear", "forward", 64, 0.001, 0.1),
        )
        for metric, value in zip(("seconds", "wall_seconds"), times, strict=True)
    ]  # fmt: skip
    step = next(table for table in summary.tables(rows) if table.phase == "step")
    assert step.columns == ["maxlen", "attention", "ms", "±", "ratio", "wall"]
    assert [line[-1] for line in step.lines] == ["4", "1.26", "5", "10", "100"]
    assert summary.notes(rows) == [
        "bound by launches, the wall time over 1.25 x the GPU's, step: softmax at 64; linear at 64, 256",
        "bound by launches, the wall time over 1.25 x the GPU's, forward: linear at 64",
    ]
    # On a CPU there is one time, and no word of it.
    assert summary.notes([row("linear", "seconds", 0.001)]) == []


def test_one_line_tells_every_length_at_which_a_gpu_was_not_held_back():
    late = {"note": "it has launches in it"}
    rows = [row("linear", "seconds", 1.0, maxlen=n, **(late if n > 64 else {})) for n in (64, 128, 256)]
    assert summary.notes([*rows, row("linear", "flops_per_second", 1.0, maxlen=128, **late)]) == [
        "linear from 128 on: it has launches in it"
    ]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, True), ({"device": "cpu AMD EPYC"}, False), ({"dtype": "bfloat16"}, False), ({"width": 56}, False),
        ({"kernel": "sdpa.efficient"}, False), ({"phase": "serve", "stage": "cache"}, False),
        ({"phase": "serve", "stage": "recomputation"}, True),
    ],
)  # fmt: skip
def test_heads_that_no_fused_kernel_of_a_gpu_takes_are_told(changed, told):
    odd = {"phase": "step", "kernel": "sdpa.math", "width": 50, "device": "NVIDIA H200"} | changed
    other = row("linear", "seconds", 1.0, kernel="eager", width=50, device="NVIDIA H200")
    notes = summary.notes([row("softmax", "seconds", 1.0, **odd), other])
    assert [note.rpartition(": ")[2] for note in notes if "quadratic" in note] == ["softmax"] * told


def test_one_line_stands_for_a_cell():
    rows = [row("linear", "seconds", value, phase) for phase, value in (("forward", 0.001), ("attention", 0.003))]
    assert summary.line(rows) == "attention linear at 64: 3 ms"
    assert summary.line([row("linear", "peak_bytes", 2**20, "step", stage="rss")]) == "step linear at 64: 1.0 MiB"
    failed = row("linear", "seconds", phase="step", status="timeout", note="no answer")
    assert summary.line([failed]) == "step linear at 64: seconds timeout: no answer"
