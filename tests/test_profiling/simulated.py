"""A GPU that is none: a queue that a host fills and a device empties, on a clock that stands unless they move it."""

from collections import deque
from collections.abc import Callable


class Gpu:
    """Launches take the host a while, kernels the device, and kernels run one after the other.

    Attributes:
        launch: seconds of the host a launch.
        cycles: of its clock in a second.
        depth: launches that its queue holds; one more waits for the first to end.
        now: the host's time.
        log: what the device was told to do, in order.
        delays: seconds that the host is put aside before its next launches, by their number from the first one on.
    """

    def __init__(self, launch: float = 6e-6, cycles: float = 2e9, depth: int = 1000) -> None:
        self.launch, self.cycles, self.depth = launch, cycles, depth
        self.now = self.free = 0.0
        self.ends: deque[float] = deque()
        self.log: list[str] = []
        self.delays: dict[int, float] = {}
        self.launched = 0

    def run(self, seconds: float, name: str = "") -> None:
        """Launch a kernel."""
        self.now += self.launch + self.delays.pop(self.launched, 0.0)
        self.launched += 1
        while self.ends and self.ends[0] <= self.now:
            self.ends.popleft()
        if len(self.ends) >= self.depth:
            self.now = max(self.now, self.ends.popleft())
        self.free = max(self.free, self.now) + seconds
        self.ends.append(self.free)
        if name:
            self.log.append(name)

    def kernels(self, count: int, seconds: float, name: str) -> Callable[[], None]:
        """Make a span of so many kernels."""

        def span() -> None:
            self.log.append(name)
            for _ in range(count):
                self.run(seconds)

        return span

    def synchronize(self) -> None:
        self.now = max(self.now, self.free)

    def sleep(self, cycles: int) -> None:
        assert isinstance(cycles, int)
        self.run(cycles / self.cycles, "sleep")

    def scratch(self, size: int, seconds: float = 40e-6) -> "Scratch":
        return Scratch(self, size, seconds)

    def event(self, enable_timing: bool) -> "Event":
        assert enable_timing
        return Event(self)


class Scratch:
    """Memory as large as a cache, which takes a while to be written."""

    def __init__(self, gpu: Gpu, size: int, seconds: float) -> None:
        self.gpu, self.size, self.seconds = gpu, size, seconds

    def numel(self) -> int:
        return self.size

    def zero_(self) -> None:
        self.gpu.run(self.seconds, "flush")


class Event:
    """A mark in the queue, which is there once all before it is done."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu, self.at = gpu, -1.0

    def record(self) -> None:
        self.gpu.log.append("record")
        self.at = max(self.gpu.free, self.gpu.now)

    def query(self) -> bool:
        return self.at <= self.gpu.now

    def elapsed_time(self, end: "Event") -> float:
        assert 0 <= self.at <= end.at <= self.gpu.now, "an event that is not there yet was read"
        return 1000 * (end.at - self.at)
