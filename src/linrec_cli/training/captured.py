"""The encoder of a step as CUDA graphs: a GPU is handed two launches where it was handed hundreds.

A shape is encoded as ever when it first comes, captured when it comes again, and replayed from then on. Graphs read and
write where they were captured: a batch is copied there, and what weights learn is added to the gradients they have.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from linrec_cli.data.batch import Batch

READ = ("items", "lengths", "times", "target_times")
"""What a model may read of a batch as it encodes."""


class Captured:
    """Encode batches of one model by a graph for each shape."""

    def __init__(self, model: Any, device: str) -> None:
        self.model, self.pool, self.stream = model, None, None
        if device == "cuda":
            self.pool, self.stream = torch.cuda.graph_pool_handle(), torch.cuda.Stream()
        # An output has a backward pass only where an input has one.
        self.learns = torch.zeros((), device=device, requires_grad=True)
        self.shapes: dict[tuple[Any, ...], Encoder | None] = {}

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position of a batch, `[B, T, C]`; what was encoded before is overwritten."""
        shape = tuple(None if (x := getattr(batch, name)) is None else x.shape for name in READ)
        if shape not in self.shapes:
            self.shapes[shape] = None
            # It gives each weight that learns a gradient, and each kernel what it makes at first.
            made: Tensor = self.model.encode(batch)
            return made
        encoder = self.shapes[shape]
        if encoder is None:
            encoder = self.shapes[shape] = Encoder(self.model, batch, self.pool, self.stream)
        replayed: Tensor = Replay.apply(self.learns, encoder, batch)
        return replayed


class Encoder:
    """The forward and the backward pass over one shape, each captured once."""

    def __init__(self, model: Any, batch: Batch, pool: Any, stream: Any) -> None:
        own: dict[str, Any] = {name: None if (x := getattr(batch, name)) is None else x.clone() for name in READ}
        self.model, self.batch = model, replace(batch, targets=None, places=None, **own)
        device = batch.items.device
        # What is dropped in this step shall be what is dropped without graphs.
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            with aside(stream):
                self.forward()
            self.gradient = torch.zeros_like(self.hidden)
            with aside(stream):
                self.backward()
            self.passes = [record(work, pool) for work in (self.forward, self.backward)]

    def forward(self) -> None:
        """Encode the batch that was copied here."""
        kind = self.batch.items.device.type
        # A weight that was cast outside a graph would be read as it was then.
        low = torch.get_autocast_dtype(kind)
        with torch.autocast(kind, low, enabled=torch.is_autocast_enabled(kind), cache_enabled=False):
            self.hidden = self.model.encode(self.batch)

    def backward(self) -> None:
        """Add what weights learn of `gradient` to what they have; not under autocast, as a step goes backwards."""
        learning = [weight for weight in self.model.parameters() if weight.grad is not None]
        with torch.autocast(self.batch.items.device.type, enabled=False, cache_enabled=False):
            found = torch.autograd.grad(self.hidden, learning, self.gradient, allow_unused=True)
        self.learned = [(weight, weight.grad) for weight, own in zip(learning, found, strict=True) if own is not None]
        torch._foreach_add_([there for _, there in self.learned], [own for own in found if own is not None])
        # Weights learn on the stream of what stays alive with it.
        self.hidden = self.hidden.detach()

    def encode(self, batch: Batch) -> Tensor:
        """Replay the forward pass over a batch of the shape."""
        for name in READ:
            if (own := getattr(self.batch, name)) is not None:
                own.copy_(getattr(batch, name))
        self.passes[0]()
        return self.hidden.detach()

    def learn(self, gradient: Tensor) -> None:
        """Replay the backward pass.

        Raises:
            RuntimeError: the gradients that were captured are no longer those of the weights.
        """
        if any(weight.grad is not there for weight, there in self.learned):
            raise RuntimeError("gradients were replaced that a graph adds to.")
        self.gradient.copy_(gradient)
        self.passes[1]()


class Replay(torch.autograd.Function):
    """A captured encoder as one step of a graph of torch's own."""

    @staticmethod
    def forward(ctx: Any, learns: Tensor, encoder: Encoder, batch: Batch) -> Tensor:
        """Encode."""
        ctx.encoder = encoder
        return encoder.encode(batch)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        """Learn; nothing is handed on."""
        ctx.encoder.learn(gradient)
        return None, None, None


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


@contextmanager
def aside(stream: Any) -> Iterator[None]:
    """Work on another stream than the usual one, one after the other, as capturing asks of what is done before it."""
    if stream is None:
        yield
        return
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream().wait_stream(stream)
