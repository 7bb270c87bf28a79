"""Seeds: how one is mixed with counters, and how everything that draws gets it."""

import torch


def seed(device: str, number: int) -> None:
    """Seed what draws on the CPU and on the device; torch's own way to seed asks for every other device too."""
    torch.default_generator.manual_seed(number)
    if device != "cpu":
        getattr(torch, device).manual_seed(number)


def mixed(seed: int, *parts: int) -> int:
    """Mix a seed with counters into one seed of 63 bits (SplitMix64's finaliser)."""
    state = seed
    for part in parts:
        state = (state + 0x9E3779B97F4A7C15 * (part + 1)) % 2**64
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) % 2**64
        state ^= state >> 31
    return state >> 1
