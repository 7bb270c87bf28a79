"""How many bytes may still be taken here, so that a cell can run out of memory before the machine does."""

from linrec_cli import containers

SHARE = 0.6
"""Of what is available, what children may take together."""


def bytes_free(device: str) -> int:
    """Count the bytes that children may take together on the device."""
    if device == "cuda":
        import torch

        return int(0.9 * torch.cuda.get_device_properties().total_memory)
    import psutil

    return int(SHARE * min([psutil.virtual_memory().available, *containers.memory_left()]))


def bytes_limit(device: str, cap: int) -> int:
    """Count the bytes that no cell gets beyond: on a GPU all it has, elsewhere the `cap` of its process."""
    if device == "cuda":
        import torch

        return int(torch.cuda.get_device_properties().total_memory)
    return cap
