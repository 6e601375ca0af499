"""The augmentations of Yun et al. 2025 on a batch: flips, shifts, rotation, rescaling, blur or noise."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far each augmentation goes; 0 switches it off. Lengths in pixels of 0.1 mm.

    Most patches are only flipped, transposed and shifted by whole pixels, which leaves their noise as it is;
    `affine_share` of them are also rotated and rescaled, which interpolates.
    """

    flip: bool = True
    transpose: bool = True
    shift_px: int = 8
    affine_share: float = 0.25
    rotation_deg: float = 4.0
    rescale: float = 0.05
    blur_share: float = 0.1
    noise_share: float = 0.1
    noise: float = 0.05  # of the compressed patch, whose own noise is about 0.33
    size_octaves: float = 0.5  # jitter of the nominal size, so that the network does not score by size alone


@torch.no_grad()
def augment(patches: Tensor, log_size: Tensor, settings: Augmentation, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """A changed copy of patches [n, 1, size, size] and log_size [n]; labels stay as they are."""
    out = patches
    if settings.shift_px:
        out = _shift(out, settings.shift_px, rng)
    if settings.flip:
        out = _flip(out, rng)
    if settings.transpose:
        out = torch.where(_chosen(len(out), 0.5, rng), out.transpose(2, 3), out)
    if settings.affine_share > 0:
        out = _some(out, settings.affine_share, lambda some: _affine(some, settings, rng), rng)
    if settings.blur_share > 0:
        out = _some(out, settings.blur_share, lambda some: _blur(some, rng), rng)
    if settings.noise_share > 0:
        out = _some(out, settings.noise_share, lambda some: _noise(some, settings.noise, rng), rng)
    return out, log_size + settings.size_octaves * torch.randn(len(out), generator=rng)


def _chosen(n: int, share: float, rng: torch.Generator) -> Tensor:
    return (torch.rand(n, generator=rng) < share)[:, None, None, None]


def _some(patches: Tensor, share: float, change: Callable[[Tensor], Tensor], rng: torch.Generator) -> Tensor:
    rows = torch.nonzero(torch.rand(len(patches), generator=rng) < share)[:, 0]
    if len(rows) == 0:
        return patches
    return patches.index_copy(0, rows, change(patches[rows]))


def _flip(patches: Tensor, rng: torch.Generator) -> Tensor:
    out = torch.where(_chosen(len(patches), 0.5, rng), patches.flip(2), patches)
    return torch.where(_chosen(len(patches), 0.5, rng), out.flip(3), out)


def _shift(patches: Tensor, most_px: int, rng: torch.Generator) -> Tensor:
    """Whole-pixel shifts; what comes in from outside is the mirrored border."""
    n, _, size, _ = patches.shape
    padded = functional.pad(patches, (most_px,) * 4, mode="reflect")
    offsets = torch.randint(0, 2 * most_px + 1, (n, 2), generator=rng).tolist()
    return torch.stack([padded[i, :, y : y + size, x : x + size] for i, (y, x) in enumerate(offsets)])


def _affine(patches: Tensor, settings: Augmentation, rng: torch.Generator) -> Tensor:
    n = len(patches)
    uniform = 2 * torch.rand(n, 2, generator=rng) - 1
    angle = uniform[:, 0] * math.radians(settings.rotation_deg)
    scale = 1 + uniform[:, 1] * settings.rescale
    cosine, sine, zero = scale * torch.cos(angle), scale * torch.sin(angle), torch.zeros(n)
    matrices = torch.stack([cosine, -sine, zero, sine, cosine, zero], dim=1).reshape(n, 2, 3)
    grid = functional.affine_grid(matrices, list(patches.shape), align_corners=False)
    return functional.grid_sample(patches, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _blur(patches: Tensor, rng: torch.Generator) -> Tensor:
    """A Gaussian of up to 0.6 pixels: less than a detector's own blur."""
    sigma = 0.3 + 0.3 * float(torch.rand(1, generator=rng))
    line = torch.exp(-0.5 * (torch.arange(-2.0, 3.0) / sigma) ** 2)
    kernel = torch.outer(line, line) / line.sum() ** 2
    return functional.conv2d(functional.pad(patches, (2, 2, 2, 2), mode="reflect"), kernel[None, None])


def _noise(patches: Tensor, most: float, rng: torch.Generator) -> Tensor:
    amplitude = most * torch.rand(len(patches), generator=rng)[:, None, None, None]
    return patches + amplitude * torch.randn(patches.shape, generator=rng)
