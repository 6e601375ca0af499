"""The shipped network on phantom images that another program drew (docs/validation/acr156_independent.md)."""

import json

import pytest

from mammoqa.jobs.batch import analyse_paths

TOLERANCE = 0.5
# not reached: faint specks that the network misses; the page says how far they stand out
FAINT = {("image_2.dcm", "speck_groups"), ("image_6.dcm", "speck_groups")}


@pytest.fixture(scope="module")
def read(shared_data):
    folder = shared_data / "acr156_independent"
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    analyses = analyse_paths([folder / name for name in sorted(truth)])
    return [(name, truth[name], analysis) for name, analysis in zip(sorted(truth), analyses, strict=True)]


def test_every_image_is_recognised_and_the_right_way_up(read):
    assert [a.phantom for _, _, a in read] == ["acr156"] * 6
    assert [a.pose.chest_wall for _, _, a in read] == [truth["chest"] for _, truth, _ in read]
    assert not any(a.pose.mirrored for _, _, a in read)


def test_pass_and_fail_are_as_drawn(read):
    assert [a.verdict.outcome == "pass" for _, _, a in read] == [truth["pass"] for _, truth, _ in read]


def test_totals_are_as_drawn_but_for_faint_specks(read):
    names = {"fibres": "fiber", "speck_groups": "speck", "masses": "mass"}
    for image, truth, analysis in read:
        for kind, total in analysis.verdict.totals:
            if (image, kind) in FAINT:
                assert 3.0 <= total <= truth[names[kind]]
            else:
                assert abs(total - truth[names[kind]]) <= TOLERANCE
