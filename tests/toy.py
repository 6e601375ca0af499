"""A toy of the real task: fibres, speck groups and masses in noise, scored by a rule."""

from pathlib import Path

import numpy as np

from mammoqa.train.dataset_file import DatasetWriter, split_by_unit

PITCH_MM = 0.1
SIZES_MM = {0: (1.56, 0.75, 0.40), 1: (0.54, 0.32, 0.16), 2: (2.0, 0.75, 0.25)}
KINDS = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
SIZES = np.array([size for kind in (0, 1, 2) for size in SIZES_MM[kind]])


def _grid(size_px):
    axis = (np.arange(size_px) - (size_px - 1) / 2) * PITCH_MM
    return np.meshgrid(axis, axis, indexing="xy")


def fibre(size_px, width_mm, length_mm=10.0, offset_mm=0.0):
    x, y = _grid(size_px)
    along, across = (x + y) / np.sqrt(2) - offset_mm, (x - y) / np.sqrt(2)
    inside = np.clip((length_mm / 2 - np.abs(along)) / PITCH_MM + 0.5, 0, 1)
    return inside * np.sqrt(np.clip(1 - (2 * across / width_mm) ** 2, 0, 1))


def specks(size_px, width_mm, count, radius_mm=3.0):
    x, y = _grid(size_px)
    out = np.zeros_like(x)
    sigma = max(width_mm, 0.16) / 2.355  # 0.16 mm is 1.6 pixels
    for i in range(count):
        angle = 2 * np.pi * i / 6
        out += np.exp(-((x - radius_mm * np.cos(angle)) ** 2 + (y - radius_mm * np.sin(angle)) ** 2) / (2 * sigma**2))
    return out


def mass(size_px, diameter_mm=6.0, missing=0.0):
    x, y = _grid(size_px)
    disc = np.clip((diameter_mm / 2 - np.hypot(x, y)) / PITCH_MM + 0.5, 0, 1)
    return disc * (np.arctan2(y, x) > -np.pi + 2 * np.pi * missing)


def draw(kind, size_mm, score, rng, size_px=160, noise=50.0):
    """A raw patch whose object is whole (1), partial (0.5) or missing (0), on a tilted background."""
    signal = {0: 2.0, 1: 8.0, 2: 1.2}[kind] * (0.7 + 0.3 * size_mm / SIZES_MM[kind][0])
    if kind == 0:
        shape = fibre(size_px, size_mm, 10.0 if score == 1 else 5.0, 0.0 if score == 1 else rng.uniform(-2, 2))
    elif kind == 1:
        shape = specks(size_px, size_mm, 6 if score == 1 else 3)
    else:
        shape = mass(size_px, missing=0.0 if score == 1 else 0.4)
    x, y = _grid(size_px)
    background = 4000 + rng.normal(0, 5) * x + rng.normal(0, 5) * y
    return background + (score > 0) * signal * noise * shape + rng.normal(0, noise, shape.shape)


def write_dataset(folder: Path, images: int, seed: int = 0, size_px: int = 160) -> Path:
    """A dataset of `images` images with nine objects each, two images a unit."""
    rng = np.random.default_rng(seed)
    units = np.arange(images) // 2
    panels = rng.choice([0.0, 0.5, 1.0], size=(images, len(KINDS)))
    panels[rng.random(panels.shape) < 0.02] = np.nan
    with DatasetWriter(folder, images, len(KINDS), description="toy", size_px=size_px) as writer:
        for image, (unit, panel) in enumerate(zip(units, panels, strict=True)):
            drawn = np.nan_to_num(panel)
            patches = np.stack(
                [draw(k, s, p, rng, size_px) for k, s, p in zip(KINDS, SIZES, drawn, strict=True)]
            ).astype(np.float32)
            writer.add(
                patches,
                image=image,
                unit=int(unit),
                kinds=KINDS,
                sizes_mm=SIZES,
                panel=panel,
                readers=np.stack([panel, panel], axis=1),
            )
        passed = np.nansum(panels, axis=1) > np.median(np.nansum(panels, axis=1))
        writer.set_split(split_by_unit(units, passed.astype(float), rng))
    return folder
