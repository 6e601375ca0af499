"""What was planted is matched with what was found; what is left over is false."""

import numpy as np
import pytest

from mammoqa.jobs.validate_acr156_artefacts import KINDS, Planted, Tried, draw_extras, matched
from mammoqa.jobs.validate_acr156_artefacts_page import Context, false_share, figures, page
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.artefacts import Mark

ACR156 = PHANTOMS["acr156"]
LAST = {"fibre": 0.75, "speck_group": 0.32, "mass": 0.75}


def _mark(kind: str, centre_mm: tuple[float, float]) -> Mark:
    return Mark(kind, centre_mm, 1.0, 20.0, "x", 10.0, 1.0)


def test_extras_lie_between_the_objects_and_come_in_pairs() -> None:
    extras = [item for item, _ in draw_extras(ACR156, np.random.default_rng(2))]
    assert sorted(item.kind for item in extras) == sorted(KINDS * 2)
    centres = np.array([item.centre_mm for item in ACR156.inserts])
    for item in extras:
        assert np.hypot(*(centres - item.centre_mm).T).min() > 12.0


def test_marks_on_planted_objects_are_found_and_others_false() -> None:
    extras = [item for item, _ in draw_extras(ACR156, np.random.default_rng(2))]
    marks = (*[_mark(item.kind, item.centre_mm) for item in extras], _mark("mass", (-34.0, 34.0)))
    tried = matched("clean", "csi-100", ACR156, extras, LAST, marks)
    assert all(p.found for p in tried.planted)
    assert tried.false == ("mass",)
    sizes = [i.size_mm for i in ACR156.inserts if i.kind == extras[0].kind]
    assert tried.planted[0].steps == sizes.index(LAST[extras[0].kind]) - sizes.index(extras[0].size_mm)


@pytest.mark.parametrize(("group", "false"), [("dust", ("fibre",)), ("clean", ("speck_group", "fibre"))])
def test_specks_beside_dust_are_dust(group: str, false: tuple[str, ...]) -> None:
    marks = (_mark("speck_group", (1.0, 2.0)), _mark("fibre", (20.0, 0.0)))
    assert matched(group, "csi-100", ACR156, [], LAST, marks).false == false


def test_the_page_tells_shares_and_aims() -> None:
    good = Tried("clean", "csi-100", (Planted("fibre", 1, True), Planted("mass", -1, False)), ())
    bad = Tried("dust", "csi-100", (Planted("fibre", 0, False),), ("mass",))
    lost = Tried("clean", "csi-100", (), (), located=False)
    tried = [good] * 149 + [bad, lost]
    assert false_share(tried) == (1, 150)
    assert figures(tried)[0][2].endswith("reached)")
    assert "not reached" in figures([good, bad])[0][2]
    text = page(tried, Context("command", "2026-11-20", "versions"))
    assert "| fibre-like | none planted | 149 of 149 | 0 of 1 | none planted |" in text
