"""The single-image reading in a job: one image of a CDMAM to its curve with an interval, and what that rests on."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Real

from mammoqa.core import (
    ConfigurationError,
    ContrastDetail,
    Image,
    Measurement,
    ModelId,
    Phantom,
    Pose,
    SingleImage,
    SinglePoint,
)
from mammoqa.models.cdmam_cells import CELL_MODELS, CellsModel, Evidence, is_cells_model, load_cells
from mammoqa.score.cdmam34_evidence import Filters, evidence, seen_corner
from mammoqa.score.cdmam34_scale import disc_means
from mammoqa.stats.deep_ensemble import Spread, combine

_NAMED_MM = (1.0, 0.5, 0.25, 0.1)  # where EUREF sets limits
_WORTH_TELLING = 1.2  # an interval that is so many times as wide (a choice)
_MAP_STEPS = 5  # of OMIG's path in a report: its map correlates at 0.91 to 0.93 with that of 50
_LOCAL_PX = 71  # 5 mm of most detectors' pixels
_MAP_PERCENTILE = 99.8  # of the map's size, shown at full brightness


def cells_model(folder: Path | None, threads: int = 1) -> CellsModel:
    """The shipped reading, or that in a folder; ConfigurationError where the folder holds another kind of model."""
    chosen = folder or CELL_MODELS["cdmam34"]
    if folder is not None and not is_cells_model(folder):
        raise ConfigurationError(f"{folder} holds no single-image reading of a CDMAM; check --model")
    return load_cells(chosen, threads=threads)


def curves_of(model: CellsModel, evidence: list[Evidence]) -> tuple[Spread, Float[np.ndarray, " n"]]:
    """Curves (ln um) of images with calibrated uncertainties, and their distances from the training.

    What the distance adds counts as epistemic: it is the network that does not know such images.
    """
    found = model.read(evidence)
    plain, widen = combine(found.means, found.variances), np.array(model.card.widen)
    strained = model.strained(found.distance)
    epistemic, total = (np.hypot(part * widen, strained) for part in (plain.epistemic, plain.total))
    return Spread(plain.mean, epistemic, plain.aleatoric * widen, total), found.distance


def read_single(path: str, read: Evidence, model: CellsModel) -> SingleImage:
    """The curve of one image from its evidence."""
    spread, distance = curves_of(model, [read])
    mean, low, high = (np.exp(part[0]) for part in (spread.mean, *spread.interval()))
    points = tuple(
        SinglePoint(float(d), float(mean[k]), float(low[k]), float(high[k])) for k, d in enumerate(model.diameters_mm)
    )
    far = model.card.farthest
    familiar = np.sqrt(np.maximum(spread.total**2 - model.strained(distance) ** 2, 1e-12))
    widened = float((spread.total / familiar).mean())
    return SingleImage(path, points, float(distance[0]), far, bool(distance[0] > far), widened)


def model_id(model: CellsModel) -> ModelId:
    """Which network this was."""
    return ModelId(model.card.name, model.card.version, model.card_sha256)


def single_measurements(found: ContrastDetail) -> tuple[Measurement, ...]:
    """The estimates at EUREF's diameters; of several images the mean, with the interval of one (a careful choice)."""
    if not found.single:
        return ()
    unlike = sum(one.unlike for one in found.single)
    words = f"mean of {len(found.single)} images, each alone" if len(found.single) > 1 else "this image alone"
    if unlike:
        words += "; unlike the training"
    widest = max(one.widened for one in found.single)
    if widest >= _WORTH_TELLING:
        words += f"; interval widened {widest:.1f} times for it"
    listed = []
    for diameter_mm in _NAMED_MM:
        logs = np.array([_at(one, diameter_mm) for one in found.single])
        value, low, high = np.exp(np.log(logs).mean(axis=0))
        name = f"single_image_threshold_{diameter_mm:.2f}_mm"
        listed.append(Measurement(name, float(value), "um", float(low), float(high), note=words))
    return tuple(listed)


def single_notes(found: ContrastDetail) -> tuple[str, ...]:
    """What a person has to know of the estimates."""
    if not found.single:
        return ()
    notes = ["the single-image estimate comes from a network trained on simulated images"]
    unlike = [one for one in found.single if one.unlike]
    if unlike:
        which = "this image is" if len(found.single) == 1 else f"{len(unlike)} of {len(found.single)} images are"
        notes.append(
            f"{which} unlike those that the network was trained on (distance {max(o.distance for o in unlike):.1f}, "
            f"usual up to {unlike[0].farthest:.1f}): rely on the conventional reading instead"
        )
    widest = max(one.widened for one in found.single)
    if widest >= _WORTH_TELLING:
        notes.append(
            f"single-image intervals are up to {widest:.1f} times as wide as for familiar images, because simulated "
            "units that were left out of the training were read that much worse at such a distance"
        )
    return tuple(notes)


def _at(one: SingleImage, diameter_mm: float) -> tuple[float, float, float]:
    point = min(one.points, key=lambda p: abs(p.diameter_mm - diameter_mm))
    return point.value_um, point.low_um, point.high_um


@dataclass(frozen=True, slots=True, eq=False)
class PixelModel:
    """The single-image reading as a function of the pixels of one image, for `explain`.

    Images are in units of the noise of a pixel, about the image's own median; the filters stay where they are.
    """

    model: CellsModel
    phantom: Phantom
    pose: Pose
    filters: Filters
    read: Evidence
    middle: float
    noise: float

    def normalise(self, pixels: Real[np.ndarray, "rows columns"]) -> Float32[np.ndarray, "rows columns"]:
        """Pixels in units of their noise."""
        return np.asarray((pixels - self.middle) / self.noise, np.float32)

    def curve(self, x: Float32[np.ndarray, "n rows columns"]) -> Float[np.ndarray, "n k"]:
        """The mean curves (ln um) of images."""
        return np.asarray(self.model.read([self._evidence(one) for one in x]).means.mean(axis=0))

    def slopes(
        self, x: Float32[np.ndarray, "n rows columns"]
    ) -> tuple[Float[np.ndarray, "n k"], Float32[np.ndarray, "n rows columns"]]:
        """The curves, and the gradients R(x) of their midpoints by the images (Amanova et al. 2022, eq 1)."""
        curve, by_answers, by_rings = self.model.slopes([self._evidence(one) for one in x])
        found = [
            self.filters.to_pixels(answers[:, :5], answers[:, 5:], rings) * self.noise
            for answers, rings in zip(by_answers, by_rings, strict=True)
        ]
        return curve, np.asarray(found, np.float32)

    def at_disc_scale(self, x: Float32[np.ndarray, "n rows columns"]) -> Float32[np.ndarray, "n rows columns"]:
        """Images or maps with every pixel's mean over a disc of its cell's size; 0 outside the cells."""
        return np.stack([disc_means(one, self.phantom, self.pose, self.read) for one in x])

    def background(self, x: Float32[np.ndarray, "n rows columns"]) -> Float32[np.ndarray, "n rows columns"]:
        """Images without discs, lines and noise: the mean of 5 mm about every pixel."""
        from scipy.ndimage import uniform_filter

        return np.stack([uniform_filter(one, _LOCAL_PX) for one in x])

    def evidence_map(
        self, x: Float32[np.ndarray, "n rows columns"], rng: np.random.Generator
    ) -> Float32[np.ndarray, "n rows columns"]:
        """Where the evidence for a low curve lies: OMIG between the image and its background with fresh noise."""
        from mammoqa.explain.curves import contribution
        from mammoqa.explain.oriented import oriented_direction

        plain = self.background(x)
        noisy = plain + rng.standard_normal(x.shape, np.float32)  # in units of the noise
        beyond = self.at_disc_scale(x - plain)
        return contribution(oriented_direction(self.slopes, x, noisy, beyond), beyond)

    def rises(self) -> tuple[Int[np.ndarray, " discs"], Int[np.ndarray, " discs"], Float[np.ndarray, " discs"]]:
        """Every disc by its cell and place, and how far the midpoint rises when its answer alone is set to 0."""
        cells, places = np.nonzero(seen_corner(self.phantom))
        hidden = [self._hidden(cells[k : k + 1], places[k : k + 1]) for k in range(len(cells))]
        midpoints = self.model.read([self.read, *hidden]).means.mean(axis=(0, 2))
        return cells, places, midpoints[1:] - midpoints[0]

    def left_without(self, gone: Bool[np.ndarray, " discs"]) -> float:
        """The share of the midpoint's fall by all discs that is left when some are gone; in the order of `rises`."""
        cells, places = np.nonzero(seen_corner(self.phantom))
        hidden = [self._hidden(cells[which], places[which]) for which in (gone, np.ones_like(gone))]
        whole, left, none = self.model.read([self.read, *hidden]).means.mean(axis=(0, 2))
        return float((none - left) / (none - whole))

    def _hidden(self, cells: Int[np.ndarray, " k"], places: Int[np.ndarray, " k"]) -> Evidence:
        answers = self.read.answers.copy()
        answers[cells, places] = 0.0
        return replace(self.read, answers=answers)

    def occlusion(self) -> Float32[np.ndarray, "rows columns"]:
        """How far the midpoint rises when a disc's place is set to its background, shared out over its pixels."""
        cells, places, each = self.rises()
        rises = dict(zip(zip(cells.tolist(), places.tolist(), strict=True), each, strict=True))
        seen = seen_corner(self.phantom)
        found = np.zeros(self.filters.shape, np.float32)
        for row in self.filters.rows:
            for k, cell in enumerate(row.cells):
                for place in np.flatnonzero(seen[cell]):
                    weight = row.weights[k, 0, place]
                    inside = weight > 0.5 * weight.max()
                    x, y = row.near[k, place][inside].T
                    found[y, x] = rises[int(cell), int(place)] / inside.sum()
        return found

    def _evidence(self, x: Float32[np.ndarray, "rows columns"]) -> Evidence:
        return self.filters.read(x.astype(float) * self.noise, self.read)


def pixel_model(image: Image, phantom: Phantom, pose: Pose, model: CellsModel) -> PixelModel:
    """The reading of an image as a function of its pixels."""
    return pixel_model_of(model, image.pixels, phantom, pose, *evidence(image, phantom, pose))


def pixel_model_of(
    model: CellsModel, pixels: np.ndarray, phantom: Phantom, pose: Pose, read: Evidence, filters: Filters
) -> PixelModel:
    """As `pixel_model`, from evidence that is known already."""
    middle = float(np.median(pixels[::7, ::7]))
    return PixelModel(model, phantom, pose, filters, read, middle, float(np.median(read.noise)) * abs(middle) or 1.0)


def map_view(
    image: Image, phantom: Phantom, pose: Pose, of: PixelModel, pitch_mm: float
) -> Float32[np.ndarray, "rows columns"]:
    """OMIG's map at full resolution, its size upright at `pitch_mm`, 0 to 1."""
    from mammoqa.explain.omig import Descent, omig
    from mammoqa.locate import upright

    found = omig(of.slopes, of.normalise(image.pixels)[None], Descent(steps=_MAP_STEPS))[0]
    size = upright(replace(image, pixels=np.abs(found)), phantom, pose, pitch_mm=pitch_mm)
    size = size if pose.attenuating_bright else -size
    top = float(np.percentile(size, _MAP_PERCENTILE))
    return np.asarray(np.clip(size / max(top, 1e-30), 0.0, 1.0), np.float32)
