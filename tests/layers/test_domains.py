import torch
from torch import nn

from avsal.layers.domains import DomainNorm2d, choose_domain


def test_each_domain_has_its_own_statistics_and_only_the_chosen_one_learns():
    norm = DomainNorm2d(2, {"video": 0.01, "picture": 0.1})
    network = nn.Sequential(nn.Conv2d(2, 2, 1), norm)
    choose_domain(network, "picture")
    network(torch.randn(4, 2, 3, 3) + 5)
    assert norm["picture"].running_mean.abs().min() > 0
    assert (norm["video"].running_mean == 0).all()
    assert [p.requires_grad for p in norm["video"].parameters()] == [False, False]
    assert all(p.requires_grad for p in [*norm["picture"].parameters(), *network[0].parameters()])
    choose_domain(network, "video")
    assert norm["video"].weight.requires_grad
    assert not norm["picture"].weight.requires_grad
    assert norm["video"].momentum == 0.01
