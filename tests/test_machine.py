import pytest
import torch

from linrec_cli import machine
from linrec_cli.errors import UsageError


def test_cpu_is_always_there_and_auto_finds_something() -> None:
    assert machine.device("cpu") == "cpu"
    assert machine.device("auto") in ("cpu", "cuda", "mps")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_an_error_that_says_what_to_use() -> None:
    with pytest.raises(UsageError, match="--device cpu"):
        machine.device("cuda")


def test_the_environment_of_a_number_is_named() -> None:
    named = machine.describe("cpu")
    assert named["device"].startswith("cpu ")
    assert named["torch"] == torch.__version__


def test_there_is_at_least_one_core() -> None:
    assert machine.cores() >= 1
