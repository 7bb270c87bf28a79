"""Compile Triton's kernels for sm_90, which needs no GPU, and print what they take: all, or those named as `CASES`."""

import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import torch

from linrec_cli.kernels import _triton

KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16}
WIDE = {"log_decay", "norms", "counts", "decays", "entries", "entry_norms"}
WHOLE = {"heads", "length", "span", "slots", "steps"}
SECOND = {"first_gradients": "fill_gradients", "gather_real": "gather"}
"""Kernels that are launched in two ways, by the names that the second one has here."""
CAUSAL = ("fill", "fill_gradients", "first_gradients", "gather", "carry")
BIDIRECTIONAL = ("gather_real", "answer", "ask_gradients", "key_gradients")


class Taken(NamedTuple):
    """Registers and bytes of the stack of a thread, where what is spilled lies, and shared bytes of a program."""

    registers: int
    stack: int
    shared: int


def signed(function: Any, kind: str, wide: set[str], constants: set[str]) -> dict[str, Any]:
    """Give the types of a kernel's arguments."""
    signature: dict[str, Any] = {}
    for argument in function.arg_names:
        pointer = "*i64" if argument == "lengths" else f"*{'fp32' if argument in wide else kind}"
        whole = ("i32",) * 3 if argument.endswith("_at") else "i32" if argument in WHOLE else pointer
        signature[argument] = "constexpr" if argument in constants else whole
    return signature


def taken(name: str, kind: str, size: int, decay: bool) -> Taken:
    """Compile the kernel `name` as it is launched for heads of `size` features, and read its resources."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from linrec_cli.kernels import _triton_linrec, _triton_linrec_bidirectional

    how = _triton.settings(size, KINDS[kind], decay)
    options = {key: how.pop(key) for key in ("num_warps", "num_stages", "enable_fp_fusion")}
    constants = how | {"KEEP": True, "GATHER": name == "first_gradients"} | ({} if decay else {"log_decay": None})
    constants |= {} if name in BIDIRECTIONAL else {"lengths": None}
    name = SECOND.get(name, name)
    function = getattr(_triton_linrec, name, None) or getattr(_triton_linrec_bidirectional, name)
    constants = {key: x for key, x in constants.items() if key in function.arg_names}
    # States between chunks alone are kept in another type.
    wide = WIDE if name in ("fill", "fill_gradients") else WIDE | {"states"}
    signature = signed(function, kind, wide, {*constants})
    # As with addresses and strides of contiguous tensors.
    even = [(i,) if isinstance(t, str) else (i, j) for i, t in enumerate(signature.values()) for j in range(3)
            if t not in ("constexpr", "i32")]  # fmt: skip
    source = ASTSource(function, signature, {(function.arg_names.index(key),): x for key, x in constants.items()},
                       {at: [["tt.divisibility", 16]] for at in even})  # fmt: skip
    built = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with NamedTemporaryFile(suffix=".cubin") as file:
        Path(file.name).write_bytes(built.asm["cubin"])
        said = subprocess.run([tool, "--dump-resource-usage", file.name], capture_output=True, text=True, check=True)
    registers, stack = re.search(r"REG:(\d+) STACK:(\d+)", said.stdout).groups()
    return Taken(int(registers), int(stack), built.metadata.shared)


CASES = {
    f"{name} {kind} {size} {'decay' if decay else 'no-decay'}": (name, kind, size, decay)
    for name, kind, size, decay in product((*CAUSAL, *BIDIRECTIONAL), KINDS, (16, 32, 64, 128), (False, True))
    if not (decay and name in BIDIRECTIONAL)
}

if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        print(f"{case}:", *taken(*CASES[case]), flush=True)
