"""An Analysis as plain data and back: dictionaries, lists, strings and numbers only, so that JSON can hold it.

The pictures (`view`, `saliency`) are left out; `picture_bytes` turns them into PNG files to be kept beside it. A view
comes back exactly, a saliency map in steps of 1/255.
Numbers that JSON has no word for (NaN, infinities) become the strings "NaN", "Infinity" and "-Infinity".
"""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from mammoqa.core.image import Acquisition, Source
from mammoqa.core.phantom import Pose
from mammoqa.core.png import decode_png, encode_png
from mammoqa.core.result import Analysis

_PICTURES = ("view", "saliency")
_NAMES = {"Acquisition": Acquisition, "Source": Source, "Pose": Pose}


def to_plain(value: Any) -> Any:  # noqa: PLR0911  one return per kind of value
    """Plain data for a core dataclass, tuple, array, enumeration member, date or number; TypeError for others."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else ("NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, np.ndarray | np.generic):
        return to_plain(value.tolist())
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        left_out = _PICTURES if isinstance(value, Analysis) else ()
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value) if f.name not in left_out}
    raise TypeError(f"no plain form for {type(value).__name__}")


def from_plain(
    plain: Mapping[str, Any], view: np.ndarray | None = None, saliency: np.ndarray | None = None
) -> Analysis:
    """The Analysis that `to_plain` was given, with its pictures; ValueError where the data does not fit."""
    try:
        return Analysis(**_arguments(Analysis, plain), view=view, saliency=saliency)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is not a stored analysis: {error}") from error


def picture_bytes(analysis: Analysis) -> tuple[bytes | None, bytes | None]:
    """The view and the saliency map as PNG files."""
    levels = None if analysis.saliency is None else np.rint(np.clip(analysis.saliency, 0, 1) * 255).astype(np.uint8)
    return _png(analysis.view), _png(levels)


def _png(picture: np.ndarray | None) -> bytes | None:
    return None if picture is None else encode_png(picture)


def from_plain_and_bytes(plain: Mapping[str, Any], view_png: bytes | None, saliency_png: bytes | None) -> Analysis:
    """The Analysis that `to_plain` and `picture_bytes` were given; ValueError where the data does not fit."""
    view = None if view_png is None else decode_png(view_png)
    levels = None if saliency_png is None else decode_png(saliency_png)
    saliency = None if levels is None else levels.astype(np.float32) / np.float32(255)
    return from_plain(plain, view, saliency)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, localns=_NAMES)


def _arguments(kind: type, plain: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments for a dataclass; fields that the data lacks keep their defaults, unknown keys are dropped."""
    hints = _hints(kind)
    left_out = _PICTURES if kind is Analysis else ()
    names = [f.name for f in fields(kind) if f.name in plain and f.name not in left_out]
    return {name: _rebuild(hints[name], plain[name]) for name in names}


def _rebuild(hint: Any, plain: Any) -> Any:  # noqa: PLR0911  one return per kind of annotation
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return None if plain is None else _rebuild(_first_real(hint), plain)
    if origin is tuple:
        inner = get_args(hint)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_rebuild(inner[0], item) for item in plain)
        return tuple(_rebuild(kind, item) for kind, item in zip(inner, plain, strict=True))
    if isinstance(hint, type) and is_dataclass(hint):
        return hint(**_arguments(hint, plain))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(plain)
    if hint is datetime:
        return datetime.fromisoformat(plain)
    if hint is float:
        return float(plain)
    if isinstance(hint, type) and hasattr(hint, "array_type"):  # a jaxtyping annotation
        return np.asarray(plain, dtype=float).reshape(_array_shape(hint, plain))
    return plain


def _first_real(union: Any) -> Any:
    return next(kind for kind in get_args(union) if kind is not NoneType)


def _array_shape(hint: Any, plain: Any) -> tuple[int, ...]:
    """Keeps a polyline without points two-dimensional."""
    return (0, 2) if not plain and "2" in hint.dim_str else np.shape(plain)
