"""Tables show what was measured, and sentences say why anything was not."""

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


def test_one_line_stands_for_a_cell():
    rows = [row("linear", "seconds", value, phase) for phase, value in (("forward", 0.001), ("attention", 0.003))]
    assert summary.line(rows) == "attention linear at 64: 3 ms"
    assert summary.line([row("linear", "peak_bytes", 2**20, "step", stage="rss")]) == "step linear at 64: 1.0 MiB"
    failed = row("linear", "seconds", phase="step", status="timeout", note="no answer")
    assert summary.line([failed]) == "step linear at 64: seconds timeout: no answer"
