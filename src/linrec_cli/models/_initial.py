"""How weights begin."""

import torch
from torch import nn


def initialise(module: nn.Module) -> None:
    """Draw weights from a normal of standard deviation 0.02, as BERT does; biases and padding are zero."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx] = 0
