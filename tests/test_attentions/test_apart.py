"""Projections that are cut into heads get the gradient of all parts, wherever those of the parts lie."""

import torch

from linrec_cli.attentions._heads import apart, cut


def test_gradients_at_the_same_places_of_different_memory_are_not_taken_for_one() -> None:
    x = torch.randn(2, 5, 3 * 8, requires_grad=True)
    wholes = [torch.randn(2, 5, 3 * 8) for _ in range(3)]
    grads = [cut(whole, 3, 2)[i] for i, whole in enumerate(wholes)]
    (found,) = torch.autograd.grad(apart(x, 3, 2), x, grads)
    assert torch.equal(found, torch.cat([whole.chunk(3, 2)[i] for i, whole in enumerate(wholes)], 2))


def test_gradients_in_one_memory_are_differentiated_again() -> None:
    x, whole = torch.randn(2, 5, 3 * 8, requires_grad=True), torch.randn(2, 5, 3 * 8, requires_grad=True)
    (found,) = torch.autograd.grad(apart(x, 3, 2), x, cut(whole, 3, 2), create_graph=True)
    (again,) = torch.autograd.grad(found.sum(), whole)
    assert torch.equal(again, torch.ones_like(whole))
