"""What the driver says of a GPU: clock, temperature, energy, and who else uses it. Needs the extra `gpu`."""

import os
from dataclasses import dataclass
from typing import Any

from linrec_cli.errors import NothingMeasuredError


@dataclass(frozen=True)
class Reading:
    """What a GPU is like at a moment; `None` is what the driver does not say.

    Attributes:
        hertz: clock of the multiprocessors.
        celsius: temperature of the chip.
        others: processes on it that are neither this one nor a child of it.
    """

    hertz: float | None
    celsius: float | None
    others: int | None


class Gpu:
    """The GPU that torch uses, as the driver knows it."""

    def __init__(self, uuid: str) -> None:
        """Open it by the id that torch gives, because the driver may number GPUs otherwise.

        Raises:
            NothingMeasuredError: the extra is not installed, or there is no driver to ask.
        """
        import importlib

        try:
            self.nvml: Any = importlib.import_module("pynvml")
        except ImportError:
            raise NothingMeasuredError(
                "clocks, temperature, other processes and energy are not read; pip install 'linrec[gpu]' for them."
            ) from None
        try:
            self.nvml.nvmlInit()
            self.handle = self.nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        except self.nvml.NVMLError as error:
            raise NothingMeasuredError(f"the driver of the GPU cannot be asked: {error}.") from None

    def said(self, name: str, *what: str) -> Any:
        """Ask the driver, of what by the name of its constant; `None` where it does not answer for this GPU.

        A later version of the package, or of the driver, may know a call no longer.
        """
        try:
            return getattr(self.nvml, name)(self.handle, *(getattr(self.nvml, one) for one in what))
        except (self.nvml.NVMLError, AttributeError):
            return None

    def reading(self) -> Reading:
        """Read clock, temperature and other processes."""
        megahertz = self.said("nvmlDeviceGetClockInfo", "NVML_CLOCK_SM")
        celsius = self.said("nvmlDeviceGetTemperature", "NVML_TEMPERATURE_GPU")
        found = self.said("nvmlDeviceGetComputeRunningProcesses")
        there = None if found is None else {process.pid for process in found}
        return Reading(None if megahertz is None else megahertz * 1e6, celsius, others(there))

    def joules(self) -> float | None:
        """Read the energy since the driver was loaded."""
        millijoules = self.said("nvmlDeviceGetTotalEnergyConsumption")
        return None if millijoules is None else millijoules / 1000


def others(there: set[int] | None) -> int | None:
    """Count the processes that are not ours; `None` where ours are not among them.

    In a container the driver may list none, or number processes as the host does: then nobody can tell whose they are.
    """
    import psutil

    ours = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    if there is None or not there & ours:
        return None
    return len(there - ours)


def opened(device: str) -> Gpu | None:
    """Open the GPU that torch uses; there is none to open on another device.

    Raises:
        NothingMeasuredError: it cannot be asked.
    """
    if device != "cuda":
        return None
    import torch

    return Gpu(str(torch.cuda.get_device_properties().uuid))
