"""Parts of a network that each data set has its own of (Droste et al., UNISAL, ECCV 2020, Section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

__all__ = ["DomainNorm2d", "OfDomain", "choose_domain"]


class OfDomain(nn.ModuleDict):
    """One module a domain, by name; the one chosen acts, and alone takes gradients.

    Attributes:
        domain: which one; set by `choose_domain`.
    """

    domain: str

    def forward(self, x: Tensor) -> Tensor:
        """What the chosen module gives."""
        result: Tensor = self[self.domain](x)
        return result


class DomainNorm2d(OfDomain):
    """A batch norm for each domain.

    Args:
        channels: C of (B, C, H, W).
        momenta: of the running statistics, by domain.
    """

    def __init__(self, channels: int, momenta: Mapping[str, float]) -> None:
        super().__init__(
            {name: nn.BatchNorm2d(channels, momentum=momentum) for name, momentum in momenta.items()}
        )


def choose_domain(network: nn.Module, domain: str) -> None:
    """Let every `OfDomain` in a network act as `domain`; parameters of other domains take no gradients."""
    for module in network.modules():
        if isinstance(module, OfDomain):
            module.domain = domain
            for name, part in module.items():
                part.requires_grad_(name == domain)
