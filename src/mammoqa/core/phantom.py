"""Phantoms as data: what they are made of, where their inserts lie, and what they must show.

The phantom frame, in mm: origin at the centre of the insert (or of the body where there is none), x to the
right, y downwards, as the phantom is seen with its chest-wall edge at the bottom and from the side of the tube:

        far edge
      +-----------+
      |  1 2 3 4  |      y
      |  5 6 7 8  |      |
      |  ...      |      v
      +-----------+        -> x
        chest wall
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float

Kind = Literal["fibre", "speck_group", "mass"]
ChestWall = Literal["top", "right", "bottom", "left"]


@dataclass(frozen=True, slots=True)
class Layer:
    """A slab across the beam, from the tube side down; an insert layer covers `insert_mm` only."""

    name: str
    material: str
    thickness_mm: float
    insert: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """The body: a cuboid, or a cylinder where `diameter_mm` is given; `offset_mm` is its centre in the frame."""

    width_mm: float = 0.0
    length_mm: float = 0.0
    thickness_mm: float = 0.0
    diameter_mm: float | None = None
    offset_mm: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Insert:
    """A test object. `size_mm` is what the protocol names it by (fibre or speck diameter, mass thickness)."""

    name: str
    kind: str
    centre_mm: tuple[float, float]
    size_mm: float
    material: str = ""
    angle_deg: float = 0.0  # of a fibre's axis from +x towards +y
    length_mm: float = 0.0
    diameter_mm: float = 0.0
    ring_radius_mm: float = 0.0
    count: int = 1
    z_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a contrast-detail phantom: two equal discs, at its centre and in one of its four corners.

    `row` and `column` count from 0 as in the tables of its readers (rows: diameters, columns: thicknesses).
    `corners_mm` are the four places where the second disc may lie; it lies at `corners_mm[corner]`. `side_mm` is the
    side of the square that lines enclose.
    """

    row: int
    column: int
    diameter_mm: float
    thickness_um: float
    centre_mm: tuple[float, float]
    corners_mm: tuple[tuple[float, float], ...]
    corner: int
    side_mm: float


@dataclass(frozen=True, slots=True)
class Criterion:
    """A limit for one number. `confidence` is verified, single or recalled, as in the sources' review."""

    name: str
    unit: str
    low: float | None
    high: float | None
    source: str
    confidence: str
    applies: str = "always"


@dataclass(frozen=True, slots=True)
class Phantom:
    """A phantom: data only, no behaviour."""

    name: str
    title: str
    modality: str
    version: str
    source: str
    outline: Outline
    insert_mm: tuple[float, float] | None = None
    layers: tuple[Layer, ...] = ()
    inserts: tuple[Insert, ...] = ()
    markers: tuple[Insert, ...] = ()  # parts that are not scored: discs, letters, ramps
    criteria: tuple[Criterion, ...] = ()
    lengths_mm: tuple[tuple[str, float], ...] = ()
    cells: tuple[Cell, ...] = ()  # of a contrast-detail phantom


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where a phantom lies in an image: `px = (matrix[:, :2] @ mm + matrix[:, 2]) / (1 + projective @ mm)`, (x, y).

    `line_mm` is how wide the phantom's thin lines look (standard deviation of their profile), 0 where it has none.
    `projective` (1/mm) is not zero where the phantom is not parallel to the detector, so that one end is larger.
    `attenuating_bright` tells whether thicker parts are brighter in `Image.pixels`. `residual_mm` is the root mean
    square distance of the fitted border points from the border. `window` is (low, high) in pixel values, of the
    inner region of the insert, for display and normalisation. `slices[k]` is, for a phantom that is read in a stack,
    the index in `Stack.images` of its slice k + 1; empty for a phantom in one image.
    """

    matrix: Float[np.ndarray, "2 3"]
    chest_wall: ChestWall
    mirrored: bool
    tilt_deg: float
    magnification: float
    attenuating_bright: bool
    residual_mm: float
    window: tuple[float, float]
    confidence: float = 1.0
    notes: tuple[str, ...] = field(default=())
    slices: tuple[int, ...] = ()
    projective: tuple[float, float] = (0.0, 0.0)
    line_mm: float = 0.0

    def to_px(self, points_mm: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """Phantom points in mm to image points in pixels, (x, y)."""
        straight = points_mm @ self.matrix[:, :2].T + self.matrix[:, 2]
        return np.asarray(straight / (1.0 + points_mm @ np.array(self.projective))[:, None])

    def to_mm(self, points_px: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """Image points in pixels to phantom points in mm."""
        whole = np.vstack([self.matrix, [*self.projective, 1.0]])
        points = np.linalg.solve(whole, np.column_stack([points_px, np.ones(len(points_px))]).T)
        return np.asarray((points[:2] / points[2]).T)
