"""A whole step as one CUDA graph: a GPU is handed one launch where it was handed hundreds.

A shape is trained on as ever when it first comes, captured when it comes again, and replayed from then on. A graph
reads and writes where it was captured: a batch is copied there, weights and their moments are altered where they stand.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from linrec_cli.data.batch import Batch

READ = ("items", "lengths", "targets", "times", "target_times")
"""What a step may read of a batch, beside where its targets stand."""
SHARES = 8
"""Targets are as many as positions, or a multiple of such a share of them: no graph for each number that comes."""

Work = Callable[[Batch], Tensor]


class Captured:
    """Train on batches by a graph for each shape."""

    def __init__(self, device: str) -> None:
        self.pool = torch.cuda.graph_pool_handle() if device == "cuda" else None
        self.shapes: dict[tuple[Any, ...], Step | None] = {}

    def step(self, work: Work, batch: Batch) -> Tensor:
        """Train on one batch as `work` does; return its mean loss."""
        if batch.places is None:
            assert batch.targets is not None
            batch = replace(batch, places=batch.targets.flatten().nonzero()[:, 0])
        shape = (room(batch), *(None if (x := getattr(batch, name)) is None else x.shape for name in READ))
        if shape not in self.shapes:
            self.shapes[shape] = None
            # The optimiser makes its moments, and each kernel what it makes at first.
            return work(batch)
        step = self.shapes[shape] = self.shapes[shape] or Step(work, batch, self.pool)
        return step.replay(batch)


class Step:
    """A step over one shape, captured once."""

    def __init__(self, work: Work, batch: Batch, pool: Any) -> None:
        own: dict[str, Any] = {name: None if (x := getattr(batch, name)) is None else x.clone() for name in READ}
        self.batch = replace(batch, places=batch.lengths.new_zeros(room(batch)), filled=True, **own)

        def kept() -> None:
            self.loss = work(self.batch)

        self.again = record(kept, pool)

    def replay(self, batch: Batch) -> Tensor:
        """Train on a batch of the shape."""
        for name in READ:
            if (own := getattr(self.batch, name)) is not None:
                own.copy_(getattr(batch, name))
        assert self.batch.places is not None
        assert batch.targets is not None
        assert batch.places is not None
        count = len(batch.places)
        self.batch.places[:count].copy_(batch.places)
        # Places that are left over stand where there is no target, which no loss counts; nobody waits to know where.
        self.batch.places[count:].copy_(batch.targets.flatten().argmin())
        self.again()
        return self.loss.clone()


def room(batch: Batch) -> int:
    """Give the number of targets that a batch is filled up to."""
    assert batch.places is not None
    share = max(1, batch.items.numel() // SHARES)
    return min(batch.items.numel(), -(-len(batch.places) // share) * share)


def record(work: Callable[[], None], pool: Any) -> Callable[[], None]:
    """Capture what some work launches; it is not done before what is given back is called.

    Raises:
        RuntimeError: it waits for the GPU.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool):
        work()
    replay: Callable[[], None] = graph.replay
    return replay
