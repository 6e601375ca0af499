"""An ensemble of the paper's kind as it was fitted, on the device where it was: what `models.Ensemble` answers, sooner.

The ten members of Amanova et al. 2022 have 630 million weights; a graphics card takes the gradients of hundreds of
images in the time that a processor needs for one. OMIG's path (algorithm 1) runs on the device from end to end.
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32, Real
from torch import Tensor, nn

from mammoqa.explain.omig import PAPER, Descent
from mammoqa.train.cdmam_fit import FittedMember
from mammoqa.train.cdmam_network import MaxPool
from mammoqa.train.export import fold

_BATCH = 256  # images at a time: 0.5 GB of a first layer's output


class LiveEnsemble:
    """Members in memory, with what an ensemble's card says of them. In single precision throughout."""

    def __init__(
        self,
        members: Sequence[FittedMember],
        diameters_mm: Float[np.ndarray, " k"],
        mean_dn: float,
        std_dn: float,
        size_px: int,
    ) -> None:
        self.diameters_mm, self.mean_dn, self.std_dn, self.size_px = diameters_mm, mean_dn, std_dn, size_px
        self._variances = np.array([member.network.variances() for member in members])
        self._device = next(members[0].network.parameters()).device
        self._members = [_for_reading(member.network) for member in members]

    def of(self, number: int) -> "LiveEnsemble":
        """The first `number` members."""
        part = copy.copy(self)
        part._members, part._variances = self._members[:number], self._variances[:number]
        return part

    @property
    def members(self) -> int:
        """How many networks there are."""
        return len(self._members)

    def normalise(self, raw: Real[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
        """Raw pixel values as the networks take them (Amanova et al. 2022, section 2.2)."""
        return np.asarray((raw - self.mean_dn) / self.std_dn, np.float32)

    def means(self, x: Float32[np.ndarray, "n size size"]) -> Float[np.ndarray, "members n k"]:
        """Every member's curve (ln um) of normalised, downsampled images."""
        with torch.no_grad():
            parts = [[m(part) for m in self._members] for part in self._parts(x)]
        return np.stack([torch.cat(column).double().cpu().numpy() for column in zip(*parts, strict=True)])

    def variances(self, n: int) -> Float[np.ndarray, "members n k"]:
        """Every member's learned variance, the same for all of `n` images."""
        each = self._variances[:, None, :]
        return np.broadcast_to(each, (self.members, n, each.shape[-1]))

    def curve(self, x: Float32[np.ndarray, "n size size"]) -> Float[np.ndarray, "n k"]:
        """The mean of the members' curves."""
        return np.asarray(self.means(x).mean(axis=0))

    def slopes(
        self, x: Float32[np.ndarray, "n size size"]
    ) -> tuple[Float[np.ndarray, "n k"], Float32[np.ndarray, "n size size"]]:
        """The curve, and the gradient R(x) of its midpoint by the images (Amanova et al. 2022, eq 1)."""
        return self.curve(x), np.concatenate([self._slope(part).cpu().numpy()[:, 0] for part in self._parts(x)])

    def omig(self, x: Float32[np.ndarray, "n size size"], path: Descent = PAPER) -> Float32[np.ndarray, "n size size"]:
        """`explain.omig.omig` of this ensemble: algorithm 1, line by line the same."""
        return np.concatenate([self._descended(part, path).cpu().numpy()[:, 0] for part in self._parts(x)])

    def _descended(self, x: Tensor, path: Descent) -> Tensor:
        epsilon = path.c / path.steps
        delta = torch.zeros_like(x)
        gradient = self._slope(x)
        for step in range(path.steps):
            delta -= epsilon * gradient
            if step + 1 < path.steps:
                gradient = _without_outliers(self._slope(x + delta), path.threshold)
        return delta

    def _slope(self, x: Tensor) -> Tensor:
        total = torch.zeros_like(x)
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # a path's steps are tiny beside x
            for member in self._members:
                moved = x.detach().requires_grad_(True)
                (by_pixel,) = torch.autograd.grad(member(moved).mean(dim=1).sum(), moved)
                total += by_pixel
        return total / len(self._members)

    def _parts(self, x: Float32[np.ndarray, "n size size"]) -> list[Tensor]:
        starts = range(0, len(x), _BATCH)
        return [torch.from_numpy(np.ascontiguousarray(x[k : k + _BATCH, None])).to(self._device) for k in starts]


def _for_reading(network: nn.Module) -> nn.Module:
    """Norms folded into the convolutions; pooling by its own operator, whose gradient is faster than the exported."""
    ready = fold(network)
    for module in ready.modules():
        if isinstance(module, MaxPool):
            module.train()
    return ready


def _without_outliers(gradient: Tensor, threshold: float | None) -> Tensor:
    if threshold is None:
        return gradient
    spread, mean = torch.std_mean(gradient, dim=(1, 2, 3), correction=0, keepdim=True)
    return torch.where((gradient - mean).abs() > threshold * spread, 0.0, gradient)


__all__ = ["LiveEnsemble"]
