"""Uniformity of level and SNR over regions of 20 mm. European guidelines, 4th edition, supplement 2013, 2b.2.2.3."""

import numpy as np
from jaxtyping import Float

from mammoqa.core import Image, Measurement, Phantom, Pose, Region
from mammoqa.score.mammo_flat_aluminium import find_square
from mammoqa.score.mammo_flat_field import detrended, pitch_of, tiles

_DEAD_FROM = 0.5  # off the level: no noise reaches so far


def score_uniformity(image: Image, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """SNR of the region nearest to the middle, and the largest deviations of level (from it) and SNR (from the mean).

    The interval of the SNR is that of a standard deviation from its number of pixels. Per cent.
    """
    places = _clear_of(find_square(image, phantom), tiles(image, phantom), image)
    if len(places) < 4:
        return (), ()
    middle = np.array(image.pixels.shape) / 2
    centres = np.array([((r.start + r.stop) / 2, (c.start + c.stop) / 2) for r, c in places])
    nearest = int(np.argmin(np.hypot(*(centres - middle).T)))
    levels, ratios, counts = [], [], []
    for place in places:
        part = _sound(detrended(image.pixels[place]))
        levels.append(float(part.mean()))
        ratios.append(float(part.mean() / part.std(ddof=6)) if part.std() > 0 else np.inf)
        counts.append(part.size)
    level, ratio = np.array(levels), np.array(ratios)
    apart = 100 * np.abs(level / level[nearest] - 1)
    spread = 100 * np.abs(ratio / ratio.mean() - 1)
    half = 1.96 * ratio[nearest] / np.sqrt(2 * counts[nearest])
    measurements = (
        Measurement(
            "snr", float(ratio[nearest]), "", low=float(ratio[nearest] - half), high=float(ratio[nearest] + half),
            note=f"level {level[nearest]:.0f} in the middle",
        ),
        Measurement("uniformity_mean", float(apart.max()), "%", note=f"of {len(places)} regions of 20 mm"),
        Measurement("uniformity_snr", float(spread.max()), "%", note=f"of {len(places)} regions of 20 mm"),
    )  # fmt: skip
    worst = int(np.argmax(apart))
    names = {nearest: "middle", worst: f"{apart[worst]:.1f} % off"}
    return measurements, tuple(Region(said, _corners(places[k])) for k, said in names.items())


def _clear_of(
    square: tuple[float, float] | None, places: list[tuple[slice, slice]], image: Image
) -> list[tuple[slice, slice]]:
    """The regions that the aluminium, 10 mm wide, does not reach into."""
    if square is None:
        return places
    reach = 8.0 / pitch_of(image)[0]
    return [
        (rows, columns)
        for rows, columns in places
        if not (
            rows.start - reach < square[0] < rows.stop + reach
            and columns.start - reach < square[1] < columns.stop + reach
        )
    ]


def _sound(part: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, " n"]:
    """The pixels without dead ones and dead lines, which `score_defects` counts."""
    return np.asarray(part[np.abs(part / np.median(part) - 1.0) < _DEAD_FROM])


def _corners(place: tuple[slice, slice]) -> np.ndarray:
    rows, columns = place
    return np.array(
        [
            (columns.start, rows.start),
            (columns.stop, rows.start),
            (columns.stop, rows.stop),
            (columns.start, rows.stop),
        ],
        dtype=float,
    )
