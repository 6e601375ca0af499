"""The network of Amanova et al. 2022 (table 2) with its Gaussian likelihood.

Table 2 lists an output sigma of 512 x 12 weights, section 2.2 says that the noise is homoscedastic and its variance
learned: here the variance is one learned number per point of the curve, the same for all images. Not stated and so
chosen: ReLU after both fully connected layers, padding 1 in convolutions (the sizes in table 2 need it), dropout after
the first fully connected layer.
"""

import itertools
import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mammoqa.train.cdmam_recipes import CdmamRecipe

_FILTERS = (8, 16, 32)
_LEAST_SPREAD = 1e-3  # of ln thresholds, so that equal labels do not divide by zero


class MaxPool(nn.Module):
    """Max pooling that leaves out a last odd row or column; its gradient is made of operators that ONNX has."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, rows, columns] to [n, channels, rows // size, columns // size]."""
        if self.training:
            return functional.max_pool2d(x, self.size)
        n, channels, rows, columns = x.shape
        size = self.size
        if rows % size or columns % size:
            x = functional.pad(x, (0, -(columns % size), 0, -(rows % size)))
        pooled: Tensor = x.reshape(n, channels, rows // size, size, columns // size, size).amax(dim=(3, 5))
        return pooled


class CurveNetwork(nn.Module):
    """Images [n, 1, size, size] to curves [n, K] of ln thresholds; `log_variance` [K] is learned beside."""

    def __init__(self, recipe: CdmamRecipe, curves: Float[np.ndarray, "n k"], size_px: int) -> None:
        """`curves` are ln thresholds of the training images: outputs begin at their mean, in units of their spread."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for number, filters in enumerate(_FILTERS):
            if number:
                layers.append(MaxPool(2))
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU()]
            channels = filters
        if recipe.pool > 1:
            layers.append(MaxPool(recipe.pool))
        self.features = nn.Sequential(*layers)
        side = size_px // 2 // 2 // recipe.pool
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * side * side, recipe.hidden),
            nn.ReLU(),
            nn.Dropout(recipe.dropout),
            nn.Linear(recipe.hidden, recipe.hidden),
            nn.ReLU(),
            nn.Linear(recipe.hidden, curves.shape[1]),
        )
        mean, spread = curves.mean(axis=0), np.maximum(curves.std(axis=0), _LEAST_SPREAD)
        self.mean: Tensor
        self.spread: Tensor
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("spread", torch.tensor(spread, dtype=torch.float32))
        self.log_variance = nn.Parameter(torch.zeros(curves.shape[1]))  # in units of the spread

    def forward(self, images: Tensor) -> Tensor:
        """The curve, ln um."""
        out: Tensor = self.head(self.features(images)) * self.spread + self.mean
        return out

    def loss(self, images: Tensor, curves: Tensor) -> Tensor:
        """Negative log likelihood of ln thresholds, mean over images and points, less a constant."""
        error: Tensor = (self(images) - curves) / self.spread
        likelihood: Tensor = 0.5 * (self.log_variance + error**2 * torch.exp(-self.log_variance)).mean()
        return likelihood

    def variances(self) -> tuple[float, ...]:
        """The learned variance of ln thresholds at each point."""
        with torch.no_grad():
            found = torch.exp(self.log_variance) * self.spread**2
        return tuple(float(v) for v in found)


def weights_bytes(recipe: CdmamRecipe, size_px: int = 250) -> int:
    """Size of a member's weights in single precision, without making it."""
    side = size_px // 4 // recipe.pool
    channels = (1, *_FILTERS)
    convolutions = sum(9 * a * b + 3 * b for a, b in itertools.pairwise(channels))
    first = math.prod((_FILTERS[-1], side, side)) * recipe.hidden
    return 4 * (convolutions + first + recipe.hidden**2 + recipe.hidden * 14 + 24)
