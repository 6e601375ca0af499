"""The ACR CT phantom against its limits, which depend on the protocol that was scanned."""

import re
from collections.abc import Iterable
from dataclasses import replace

from mammoqa.core import Acquisition, Criterion, Measurement, Phantom, Verdict
from mammoqa.judge.measurements import judge_measurements

_CHILD = re.compile(r"\b(p(a)?ed(s|i\w*|iatric\w*)?|child\w*|infant\w*|kind\w*)\b", re.IGNORECASE)
_ADULT = re.compile(r"\badults?\b", re.IGNORECASE)
_HEAD = re.compile(r"\b(head|brain|neuro|skull)\b", re.IGNORECASE)
_ABDOMEN = re.compile(r"\b(abd\w*|body|liver|pelvis)\b", re.IGNORECASE)
_CHEST = re.compile(r"\b(chest|thorax|lung|hrct)\b", re.IGNORECASE)
_HU_KVP = (110.0, 130.0)


def judge_acr_ct(
    measurements: Iterable[Measurement], phantom: Phantom, acquisition: Acquisition
) -> tuple[tuple[Measurement, ...], Verdict]:
    """Each measurement with the limits that apply to this protocol and its outcome, and the verdict.

    A limit for another protocol or tube voltage is not applied: the value is then MEASURED.
    """
    protocol = protocol_of(acquisition.description)
    limited = tuple(_with_limits(m, phantom, protocol, acquisition.kvp) for m in measurements)
    return judge_measurements(limited, phantom)


def protocol_of(description: str | None) -> str | None:
    """The protocol that a series description names: adult or paediatric with head or abdomen, chest; None for others.

    An abdomen or head without a word on age is None, because the limits differ.
    """
    said = (description or "").replace("_", " ")
    part = "head" if _HEAD.search(said) else "abdomen" if _ABDOMEN.search(said) else None
    if part is None:
        return "chest" if _CHEST.search(said) else None
    if _CHILD.search(said):
        return f"paediatric {part}"
    return f"adult {part}" if _ADULT.search(said) else None


def _with_limits(m: Measurement, phantom: Phantom, protocol: str | None, kvp: float | None) -> Measurement:
    for criterion in phantom.criteria:
        if criterion.name == m.name and criterion.unit == m.unit and _applies(criterion, protocol, kvp):
            return replace(m, limit_low=criterion.low, limit_high=criterion.high)
    return m


def _applies(criterion: Criterion, protocol: str | None, kvp: float | None) -> bool:
    if criterion.applies == "always":
        return True
    if criterion.applies.startswith("kvp"):
        return kvp is not None and _HU_KVP[0] <= kvp <= _HU_KVP[1]
    return criterion.applies == protocol


def acr_ct_notes(acquisition: Acquisition) -> tuple[str, ...]:
    """What is to be said of the limits that `judge_acr_ct` applied, or did not."""
    protocol, notes = protocol_of(acquisition.description), []
    if protocol is None:
        notes.append(
            f"the series description {acquisition.description or '(none)'!r} does not say adult or paediatric, head or "
            "abdomen: limits that depend on it were not applied"
        )
    else:
        notes.append(f"judged as {protocol}, from the series description {acquisition.description!r}")
    if acquisition.kvp is not None and not _HU_KVP[0] <= acquisition.kvp <= _HU_KVP[1]:
        notes.append(
            f"{acquisition.kvp:g} kV: the CT number limits of the materials hold for 120 kV and were not applied"
        )
    return tuple(notes)
