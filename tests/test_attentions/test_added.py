"""A new file in the folder is tested because it exists: two that keep their promises and two that do not."""

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
CONTRACT = Path(__file__).with_name("test_contract.py")

RUN = """
import sys, pytest, linrec_cli.attentions
linrec_cli.attentions.__path__.append(sys.argv[1])
sys.exit(pytest.main(sys.argv[2:]))
"""
"""A process of its own: the folder is what the package's path holds, and this process keeps its own."""

MEAN = """
        if not self.causal:
            return average(v, lengths)
        sums = v.cumsum(2, dtype=torch.promote_types(v.dtype, torch.float32))
        return (sums / torch.arange(1, v.shape[2] + 1)[:, None]).to(v.dtype)
"""
SLIP = MEAN.replace("(sums /", "(1.0001 * sums /")
PEEK = """
        return average(v, lengths)
"""
REFERENCE = """
        rows = []
        for t in range(v.shape[2]):
            ends = [t + 1] * len(lengths) if self.causal else lengths.tolist()
            rows.append(torch.stack([v[user, :, :end].mean(1) for user, end in enumerate(ends)]))
        return torch.stack(rows, 2)
"""
PEEKED = REFERENCE.replace("[t + 1] * len(lengths) if self.causal else ", "")
STEP = '''
    def start(self, batch):
        """Make a sum and a count."""
        weight = self.outward.weight
        dtype = torch.promote_types(weight.dtype, torch.float32)
        return torch.zeros(batch, self.heads, 1, len(weight) // self.heads, dtype=dtype), torch.zeros((), dtype=dtype)

    def step(self, x, state):
        """Add and divide."""
        v = self.split(x[:, None])[2]
        sums, count = state[0] + v, state[1] + 1
        return self.join((sums / count).to(v.dtype), x[:, None])[:, 0], (sums, count)
'''
NEWEST = '''
    def newest(self, q, k, v):
        """Average all."""
        return v.mean(2, keepdim=True, dtype=torch.promote_types(v.dtype, torch.float32)).to(v.dtype)
'''
AVERAGE = '''

def average(v, lengths):
    """Average the real positions."""
    real = (torch.arange(v.shape[2]) < lengths[:, None])[:, None, :, None].to(v.dtype)
    return ((v * real).sum(2, keepdim=True) / real.sum(2, keepdim=True)).expand_as(v)
'''
SILLY = {
    "mean": (MEAN, REFERENCE, STEP),
    "kept": (MEAN, REFERENCE, NEWEST),
    "slip": (SLIP, REFERENCE, ""),
    "peek": (PEEK, PEEKED, ""),
}


def written(attend: str, reference: str, served: str) -> str:
    """Fill the two empty methods of the template in `docs/adding.md`, and add how it is served."""
    text = (TOP / "docs/adding.md").read_text("utf-8")
    found = re.search(r"## A mechanism.*?```python\n(.*?)```", text, re.S)
    assert found
    head, *empty = re.split(r"(?<=lengths: Tensor\) -> Tensor:\n)", found[1])
    methods = [part.replace('."""\n', f'."""{body}', 1) for part, body in zip(empty, (attend, reference), strict=True)]
    head = head.replace("from torch import", "import torch\nfrom torch import").replace("et al. year", "et al. 2026")
    if served == NEWEST:
        head = head.replace("_heads import Heads", "_cache import Cached").replace("(Heads)", "(Cached)")
    return head + "".join(methods) + served + AVERAGE


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bool]]:
    """Run the contract with three more files in the folder: by mechanism and test, whether it failed."""
    folder = tmp_path_factory.mktemp("mechanisms")
    for name, bodies in SILLY.items():
        (folder / f"silly_{name}.py").write_text(written(*bodies), "utf-8")
    report = folder / "report.xml"
    # To shrink what hypothesis finds in the last one would take long.
    command = [
        str(CONTRACT),
        "-k",
        "silly and not (slip and any_shape)",
        f"--junitxml={report}",
        # In this process: workers would not know of the folder.
        "-n0",
        "--tb=line",
        f"--rootdir={TOP}",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run([sys.executable, "-c", RUN, str(folder), *command], stdout=subprocess.PIPE, text=True)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    found: dict[str, dict[str, bool]] = defaultdict(lambda: defaultdict(bool))
    for case in ElementTree.parse(report).iter("testcase"):
        test, _, parameters = case.attrib["name"].partition("[")
        (name,) = re.findall(r"silly-(\w+)", parameters)
        found[name][test] |= case.find("failure") is not None or case.find("error") is not None
    return found


def test_every_test_of_the_contract_runs_on_a_new_file(failed: dict[str, dict[str, bool]]) -> None:
    functions = [node for node in ast.parse(CONTRACT.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]
    catalogued = {f.name for f in functions if f.name.startswith("test_") and any(a.arg == "name" for a in f.args.args)}
    assert len(catalogued) > 9
    assert failed["mean"].keys() | failed["kept"].keys() == catalogued


def test_the_template_filled_in_passes(failed: dict[str, dict[str, bool]]) -> None:
    assert [(name, test) for name in ("mean", "kept") for test, bad in failed[name].items() if bad] == []


def test_one_that_reads_the_future_fails_by_that_alone(failed: dict[str, dict[str, bool]]) -> None:
    bad = [test for test, bad in failed["peek"].items() if bad]
    assert bad == ["test_it_is_blind_to_the_future_exactly_when_causal"]


def test_one_whose_fast_form_slips_fails(failed: dict[str, dict[str, bool]]) -> None:
    bad = {test for test, bad in failed["slip"].items() if bad}
    assert "test_the_fast_form_equals_the_reference_in_values_and_gradients" in bad
    assert "test_it_is_blind_to_the_future_exactly_when_causal" not in bad
