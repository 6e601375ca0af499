"""The model card: everything a network needs beside its weights, and what is known about it.

Lies beside the graphs as card.json, is read into frozen dataclasses and checked; a card that does not fit is a
`ModelError`. The card's SHA-256 goes into the provenance of every analysis.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from mammoqa.core import ModelError
from mammoqa.models.preprocess import Preprocessing

KINDS = ("fibre", "speck_group", "mass")
OUTPUTS = ("present", "abnormal")
FORMAT = 1


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a patch is: square, `size_px` pixels of `pitch_mm` in the plane of the object."""

    size_px: int = 160
    pitch_mm: float = 0.1
    attenuating: str = "bright"


@dataclass(frozen=True, slots=True)
class Platt:
    """Calibration of one output: p = 1 / (1 + exp(-(slope * logit + offset))) (Platt 1999)."""

    slope: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Calibration and thresholds for one kind of object.

    Score 0 where p_present < `threshold_present`, else 0.5 where p_abnormal >= `threshold_abnormal`, else 1.
    """

    kind: str
    present: Platt
    abnormal: Platt
    threshold_present: float = 0.5
    threshold_abnormal: float = 0.5


@dataclass(frozen=True, slots=True)
class Parent:
    """The weights that a training started from; a checkpoint has no card and no description of its data."""

    name: str
    version: str
    card_sha256: str | None
    weights_sha256: str
    data: str | None


@dataclass(frozen=True, slots=True)
class Training:
    """How the weights came about; `parent` None: from scratch."""

    recipe: str
    network: str
    seed: int
    data: str
    data_sha256: str
    images: int
    objects: int
    units: int
    epochs: int
    steps: int
    seconds: float
    selection: str
    torch_version: str
    parent: Parent | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One number from held-out data with its 95 % interval; `kind` is one of KINDS or "all"."""

    name: str
    kind: str
    value: float
    low: float | None
    high: float | None
    n: int
    split: str


@dataclass(frozen=True, slots=True)
class Fusion:
    """How the network's answer for one kind is joined with what filters measure (`models.fusion`).

    Weights of an offset, the log odds of both probabilities, and the features, for each of the two outputs.
    """

    kind: str
    present: tuple[float, ...]
    abnormal: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """The whole card. `files` holds the SHA-256 of each graph by file name.

    `pass_calibration` turns the log odds of passing, computed from independent objects, into calibrated ones.
    `referral_band` (low, high): a phantom whose scores pass with a probability below `high`, or fail with one above
    `low`, goes to a person; None refers nothing. `fusions` join filters with the network, before the thresholds.
    Fields with a default may be missing in older cards.
    """

    format: int
    name: str
    version: str
    input: InputSpec
    preprocessing: Preprocessing
    readings: tuple[Reading, ...]
    training: Training
    metrics: tuple[Metric, ...]
    limits_of_use: tuple[str, ...]
    code_version: str
    files: tuple[tuple[str, str], ...]
    pass_calibration: Platt = Platt()
    referral_band: tuple[float, float] | None = None
    fusions: tuple[Fusion, ...] = ()
    saliency: str = "absolute gradient of the weighted logits by the normalised patch (Simonyan et al. 2014)"


def as_json(card: Card) -> str:
    """The card as it is written to card.json."""
    return json.dumps(asdict(card), indent=1) + "\n"


def parse(text: str) -> Card:
    """A card from the text of card.json; raises ModelError that names the field at fault."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModelError(f"the model card is not JSON: {error}") from error
    if isinstance(data, dict) and data.get("format") != FORMAT:
        raise ModelError(f"the model card has format {data.get('format')!r}, this version reads {FORMAT}")
    card: Card = _build(Card, data, "card")
    _check(card)
    return card


def read(folder: Path) -> tuple[Card, str]:
    """The card of an artefact folder and its SHA-256."""
    path = folder / "card.json"
    if not path.is_file():
        raise ModelError(f"no model card at {path}; the artefact is incomplete, reinstall mammoqa or train it again")
    raw = path.read_bytes()
    return parse(raw.decode("utf-8", errors="replace")), hashlib.sha256(raw).hexdigest()


def _check(card: Card) -> None:
    kinds = tuple(reading.kind for reading in card.readings)
    if kinds != KINDS:
        raise ModelError(f"the model card must calibrate the kinds {KINDS} in this order, it has {kinds}")
    for reading in card.readings:
        for name in ("threshold_present", "threshold_abnormal"):
            if not 0 < getattr(reading, name) < 1:
                raise ModelError(f"{reading.kind}: {name} of the model card must lie between 0 and 1")
        if reading.present.slope <= 0 or reading.abnormal.slope <= 0:
            raise ModelError(f"{reading.kind}: a calibration slope of the model card is not positive")
    for fusion in card.fusions:
        if fusion.kind not in KINDS or not 3 <= len(fusion.present) == len(fusion.abnormal):
            raise ModelError(f"the model card's fusion of {fusion.kind!r} has the wrong kind or number of weights")
    if card.pass_calibration.slope <= 0:
        raise ModelError("the slope of the model card's pass_calibration is not positive")
    if card.referral_band is not None and not all(0 < edge < 1 for edge in card.referral_band):
        raise ModelError(f"the model card's referral_band must lie between 0 and 1, it is {card.referral_band}")
    if card.input.size_px < 32 or card.input.pitch_mm <= 0:
        raise ModelError(f"the model card's input specification is not usable: {card.input}")


def from_plain(wanted: Any, value: Any, where: str) -> Any:
    """A value read from JSON as `wanted`, a dataclass or plain type; ModelError names the field at fault."""
    return _build(wanted, value, where)


def _build(wanted: Any, value: Any, where: str) -> Any:
    """`value` from JSON as the annotated type `wanted`: dataclasses, tuples, unions with None and plain types."""
    if is_dataclass(wanted) and isinstance(wanted, type):
        return _build_dataclass(wanted, value, where)
    origin = get_origin(wanted)
    if origin is tuple:
        return _build_tuple(get_args(wanted), value, where)
    if origin in (Union, UnionType):
        options = [option for option in get_args(wanted) if option is not type(None)]
        return None if value is None else _build(options[0], value, where)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise ModelError(f"model card: {where} must be {wanted.__name__}, it is {value!r}")
    return value


def _build_dataclass(wanted: type, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise ModelError(f"model card: {where} must be an object, it is {value!r}")
    names = {field.name for field in fields(wanted)}
    optional = {field.name for field in fields(wanted) if field.default is not MISSING}
    missing, extra = names - optional - set(value), set(value) - names
    if missing or extra:
        raise ModelError(f"model card: {where} lacks {sorted(missing)} and has unknown {sorted(extra)}")
    hints = get_type_hints(wanted)
    return wanted(**{name: _build(hints[name], value[name], f"{where}.{name}") for name in names & set(value)})


def _build_tuple(args: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ModelError(f"model card: {where} must be a list, it is {value!r}")
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_build(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if len(args) != len(value):
        raise ModelError(f"model card: {where} must have {len(args)} entries, it has {len(value)}")
    return tuple(_build(arg, item, f"{where}[{i}]") for i, (arg, item) in enumerate(zip(args, value, strict=True)))
