"""What is exported runs without linrec."""

import torch
from torch import Tensor, nn

from linrec_cli.kernels import linrec


class Layer(nn.Module):
    """The mixing alone."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Mix where a layer would choose another form."""
        assert not linrec.serves(q, k, v)
        return linrec.mix(q, k, v)


def test_an_exported_program_mixes_as_here_by_operators_of_torch_alone() -> None:
    given = tuple(torch.randn(3, 1, 2, 30, 8))
    with torch.no_grad():
        program = torch.export.export(Layer(), given)
        assert torch.allclose(program.module()(*given), linrec.mix(*given), atol=1e-5)
    assert [node for node in program.graph.nodes if "linrec" in str(node.target)] == []
    assert linrec.serves(*given)
