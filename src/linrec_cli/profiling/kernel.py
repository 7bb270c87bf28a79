"""The kernel that really ran, read from the operators torch dispatched; never a guess."""

import os
from collections.abc import Callable

SDPA = "_scaled_dot_product_"


def names(spans: dict[str, Callable[[], object]], ways: bool) -> dict[str, str]:
    """Name the kernel of each span: its own where they are `ways` to do the same, else that of all of them."""
    return {one: name({one: spans[one]}) for one in spans} if ways else dict.fromkeys(spans, name(spans))


def name(spans: dict[str, Callable[[], object]]) -> str:
    """Run the spans once under torch's profiler and name what mixed the positions."""
    # It would say on stderr that it starts and stops.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    from torch.profiler import ProfilerActivity, profile

    # There is one cycle; unless told to keep all, torch warns that only the last is kept.
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as profiler:
        for span in spans.values():
            span()
    return named({event.key for event in profiler.key_averages()})


def named(operators: set[str]) -> str:
    """Name the kernel behind some operators: `sdpa.flash`, `sdpa.math`, a custom operator, or `eager`."""
    fused = {operator.partition(SDPA)[2] for operator in operators if operator.startswith(f"aten::{SDPA}")}
    found = {f"sdpa.{sdpa(rest)}" for rest in fused if not rest.endswith("_backward")}
    ours = {operator for operator in operators if operator.partition("::")[0] in foreign(operators)}
    # One name for both passes.
    ours -= {f"{operator}_backward" for operator in ours}
    return ",".join(sorted(found | ours)) or "eager"


def sdpa(rest: str) -> str:
    """Name the variant in what follows the prefix: `flash_attention_for_cpu`, `attention_math`."""
    return "math" if rest == "attention_math" else rest.partition("_attention")[0]


def foreign(operators: set[str]) -> set[str]:
    """List the namespaces that are not torch's own."""
    spaces = {operator.partition("::")[0] for operator in operators if "::" in operator}
    return {space for space in spaces if space.isidentifier()} - TORCH


TORCH = {"aten", "at", "autograd", "c10d", "inductor", "mkldnn", "prim", "prims", "profiler", "torch"}
