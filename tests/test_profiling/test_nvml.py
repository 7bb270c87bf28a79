"""What the driver says is read, on a driver made up for the test: no GPU is here to ask."""

import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

from linrec_cli.errors import NothingMeasuredError
from linrec_cli.profiling import energy, nvml
from linrec_cli.profiling.cell import cells
from linrec_cli.settings import Profile


class NVMLError(Exception):
    """As nvidia-ml-py names it."""


def driver(pids=(), silent=(), devices=("GPU-1234",)):
    """Make a module like nvidia-ml-py's that knows one device, and does not answer what is in `silent`."""

    def by_uuid(uuid):
        if uuid not in devices:
            raise NVMLError("Not Found")
        return "handle"

    def told(name, answer):
        def ask(handle, *arguments):
            assert handle == "handle"
            if name in silent:
                raise NVMLError("Not Supported")
            return answer(*arguments)

        return ask

    module = ModuleType("pynvml")
    module.NVMLError, module.NVML_CLOCK_SM, module.NVML_TEMPERATURE_GPU = NVMLError, 1, 0
    module.nvmlInit = lambda: None
    module.nvmlDeviceGetHandleByUUID = by_uuid
    counter = iter(range(1000, 10**9, 500))
    answers = {
        "nvmlDeviceGetClockInfo": lambda kind: {1: 1980}[kind],
        "nvmlDeviceGetTemperature": lambda kind: {0: 41}[kind],
        "nvmlDeviceGetComputeRunningProcesses": lambda: [SimpleNamespace(pid=pid) for pid in pids],
        "nvmlDeviceGetTotalEnergyConsumption": lambda: next(counter),
    }
    for name, answer in answers.items():
        setattr(module, name, told(name, answer))
    return module


@pytest.fixture
def opened(monkeypatch):
    def make(**more):
        monkeypatch.setitem(sys.modules, "pynvml", driver(**more))
        return nvml.Gpu("1234")

    return make


def test_readings_are_in_si_units(opened):
    gpu = opened(pids=(os.getpid(),))
    assert gpu.reading() == nvml.Reading(hertz=1.98e9, celsius=41, others=0)
    assert (gpu.joules(), gpu.joules()) == (1.0, 1.5)


def test_other_processes_are_those_that_are_neither_this_one_nor_its_children(opened):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        ours = (os.getpid(), child.pid)
        assert opened(pids=ours).reading().others == 0
        assert opened(pids=(*ours, 2**22 + 1, 2**22 + 2)).reading().others == 2
        child.communicate(b"\n")


@pytest.mark.parametrize("pids", [(), (2**22 + 1,)])
def test_a_list_of_processes_without_ours_tells_nothing(opened, pids):
    assert opened(pids=pids).reading().others is None


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("nvmlDeviceGetClockInfo", "hertz"),
        ("nvmlDeviceGetTemperature", "celsius"),
        ("nvmlDeviceGetComputeRunningProcesses", "others"),
    ],
)
def test_what_a_driver_does_not_say_is_none(opened, name, field):
    reading = opened(pids=(os.getpid(),), silent=(name,)).reading()
    assert [key for key, value in vars(reading).items() if value is None] == [field]


@pytest.mark.parametrize("gone", ["nvmlDeviceGetTemperature", "NVML_TEMPERATURE_GPU"])
def test_what_a_package_knows_no_longer_is_none(opened, gone):
    gpu = opened(pids=(os.getpid(),))
    delattr(gpu.nvml, gone)
    assert gpu.reading() == nvml.Reading(hertz=1.98e9, celsius=None, others=0)


def test_a_missing_extra_and_a_missing_device_say_what_is_wrong(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NothingMeasuredError, match=r"pip install 'linrec\[gpu\]'"):
        nvml.Gpu("1234")
    monkeypatch.setitem(sys.modules, "pynvml", driver(devices=()))
    with pytest.raises(NothingMeasuredError, match="cannot be asked: Not Found"):
        nvml.Gpu("1234")


def test_nothing_is_imported_on_another_device(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml.opened("cpu") is None


def test_energy_is_that_of_all_runs_by_their_number():
    used = []
    found = energy.joules([lambda: used.append(3.0), lambda: used.append(4.0)], lambda: sum(used), lambda: None, 0.01)
    assert found == pytest.approx(7.0)
    # At least one run, however short the time.
    assert energy.joules([lambda: used.append(1.0)], lambda: sum(used), lambda: None, 0.0) == 1.0


@pytest.mark.parametrize(
    ("phase", "spans", "expected"),
    [
        ("step", ["step"], ["step"]),
        ("attention", ["forward", "backward"], ["attention"]),
        ("serve", ["recurrence", "recomputation"], ["recurrence", "recomputation"]),
        ("forward", ["forward", "backward"], []),
    ],
)
def test_energy_is_of_the_whole_or_of_each_way(opened, monkeypatch, phase, spans, expected):
    (cell,) = next(cells(Profile(attn=("linear",), maxlen=(8,), phase=(phase,))))
    gpu = opened()
    monkeypatch.setattr(nvml, "opened", lambda device: gpu)
    monkeypatch.setattr("torch.cuda.synchronize", lambda: None)
    monkeypatch.setattr(energy, "SECONDS", 0.0)
    found = energy.measured(cell, dict.fromkeys(spans, lambda: None))
    # The driver's counter moves by half a joule a look.
    assert found == dict.fromkeys(expected, 0.5)


def test_a_gpu_that_does_not_count_energy_has_none(opened, monkeypatch):
    (cell,) = next(cells(Profile(attn=("linear",), maxlen=(8,), phase=("step",))))
    gpu = opened(silent=("nvmlDeviceGetTotalEnergyConsumption",))
    monkeypatch.setattr(nvml, "opened", lambda device: gpu)
    assert energy.measured(cell, {"step": lambda: None}) == {}
