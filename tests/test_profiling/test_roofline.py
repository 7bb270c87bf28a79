"""The ceilings are rates of what was really copied and multiplied."""

from linrec_cli.profiling import clock, roofline


def test_the_least_time_is_that_of_the_lower_ceiling():
    ceiling = roofline.Ceiling(bytes=10.0, operations=100.0)
    assert ceiling.seconds(operations=200, size=5) == 2.0
    assert ceiling.seconds(operations=0, size=5) == 0.5


def test_samples_are_bytes_read_and_written_and_operations_a_second(monkeypatch):
    # A clock that says two seconds for whatever it runs.
    def stopwatch(spans, device, flushed):
        def watch():
            return clock.Sample({name: (span(), 2.0)[1] for name, span in spans.items()})

        return watch

    monkeypatch.setattr(clock, "stopwatch", stopwatch)
    monkeypatch.setitem(roofline.COPIED, "cpu", 4096)
    monkeypatch.setitem(roofline.SIDE, "cpu", 8)
    threads = []
    monkeypatch.setattr("linrec_cli.machine.prepare", threads.append)
    for dtype in ("float32", "bfloat16"):
        child = roofline.measure("cpu", dtype, 2, 0.0)
        assert next(child) is None
        found = next(child)
        assert {name: set(samples) for name, samples in found.items()} == {
            "copy": {2 * 4096 / 2.0},
            "matmul": {2 * 8**3 / 2.0},
        }
    assert threads == [2, 2]
