"""Cut training parts into windows."""

import torch
from torch import Tensor


def disjoint(begin: Tensor, inputs: Tensor, maxlen: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cut what starts at `begin [U]` and has so many `inputs [U]` into disjoint windows of at most `maxlen` of them.

    What fits is one window. What is longer is cut at a random offset, so that its first window has between 1 and
    `maxlen` inputs, the last one what is left.

    Returns:
        where each window starts in the flat array, and its number of inputs, both `[W]`, on the CPU.
    """
    begin, inputs = begin[inputs > 0], inputs[inputs > 0]
    head = torch.randint(1, maxlen + 1, inputs.shape, generator=generator)
    head = torch.where(inputs <= maxlen, inputs, head)
    count = 1 + (inputs - head + maxlen - 1) // maxlen
    user = torch.arange(len(inputs)).repeat_interleave(count)
    number = torch.arange(len(user)) - (count.cumsum(0) - count)[user]
    low = torch.where(number == 0, 0, head[user] + (number - 1) * maxlen)
    high = torch.minimum(head[user] + number * maxlen, inputs[user])
    return begin[user] + low, high - low
