"""The main job: an image or a stack to a judged and explained Analysis."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import numpy as np

import mammoqa
from mammoqa.core import (
    Acquisition,
    Analysis,
    ConfigurationError,
    ContrastDetail,
    Image,
    Measurement,
    ModelId,
    ObjectScore,
    Outcome,
    Phantom,
    Pose,
    Provenance,
    ReasonCode,
    RefusalError,
    Refused,
    Region,
    ScoreError,
    Source,
    Stack,
    Verdict,
)
from mammoqa.jobs.timing import Stopwatch
from mammoqa.jobs.views import (
    even_view,
    explanations,
    insert_alone,
    mammogram_view,
    maps_view,
    slices_view,
    upright_view,
)
from mammoqa.phantoms import PHANTOMS

if TYPE_CHECKING:
    from mammoqa.locate.acr156 import Found

Item = Image | Stack | Refused


@dataclass(frozen=True, slots=True)
class Options:
    """How to analyse.

    `phantom` None finds out which one it is; `explain` names one of `explain.METHODS`, or none; `model` is the folder
    of an artefact that reads instead of the shipped one; `threads` are those of the network, which runs beside the
    filters. Without `pictures` no view is made and nothing is explained: a list of results shows neither.
    With `deduct` artefacts as visible as the last object counted are deducted (ACR 1999); without, the scores are
    those of the objects alone, to compare with readers who do not deduct. Discs of a CDMAM are looked for within
    `search_mm` of their places.
    """

    phantom: str | None = None
    explain: str | None = "saliency"
    model: Path | None = None
    threads: int = 1
    pictures: bool = True
    deduct: bool = True
    search_mm: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What one kind of phantom gives: the parts of an Analysis that depend on the phantom."""

    verdict: Verdict
    objects: tuple[ObjectScore, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    regions: tuple[Region, ...] = ()
    pose: Pose | None = None
    model: ModelId | None = None
    notes: tuple[str, ...] = ()
    view: np.ndarray | None = field(default=None, repr=False)
    saliency: np.ndarray | None = field(default=None, repr=False)
    view_scale: float | None = None
    view_slices: tuple[int, ...] = ()
    contrast_detail: ContrastDetail | None = None


def analyse(item: Item, options: Options | None = None, decode_s: float = 0.0) -> Analysis:
    """Identify the phantom, locate, score, judge and explain it; whatever cannot be analysed becomes REFUSED.

    Args:
        item: an image, a stack, or a file that the reader already refused.
        options: how to analyse; the defaults where None.
        decode_s: seconds that reading took, for the timings.

    Raises:
        ConfigurationError: `options` name a phantom that mammoqa does not know.
        ModelError: the network's artefact is missing or damaged.
    """
    options = options or Options()
    watch = Stopwatch()
    watch.add("decode", decode_s)
    if isinstance(item, Refused):
        return _refused(item, None, item.code, item.reason, watch)
    name = found = None
    try:
        with watch.step("identify"):
            name, found = (options.phantom, None) if options.phantom else _sight(item)
        phantom = _phantom(name)
        if found is not None:
            reading = read_acr156(item, phantom, options, watch, found)
        else:
            reading = READINGS[name](item, phantom, options, watch)
    except RefusalError as error:
        return _refused(item, name, error.code, error.reason, watch)
    return _analysis(item, phantom, reading, watch)


def read_acr156(
    item: Image | Stack, phantom: Phantom, options: Options, watch: Stopwatch, found: "Found | None" = None
) -> Reading:
    """The mammography phantom: the network scores each object, the protocol's rules judge.

    `found` is what identifying the phantom came across, which need not be searched again.
    """
    from mammoqa import judge, locate, models
    from mammoqa.jobs.acr156 import look_and_ask
    from mammoqa.jobs.artefacts import deduct_artefacts
    from mammoqa.score.acr156 import score_acr156
    from mammoqa.score.acr156_visible import visible

    image = _one_image(item)
    with watch.step("locate"):
        pose = locate.locate_acr156(image, phantom, found)
    with watch.step("score"):
        model = models.load_folder(options.model or models.MODELS["acr156"], threads=options.threads)
        spec = model.card.input
        patches = locate.patches(image, phantom, pose, size_px=spec.size_px, pitch_mm=spec.pitch_mm)
        gradients = options.pictures and options.explain == "saliency"
        seen = look_and_ask(image, phantom, pose, patches, model, options.pictures, options.deduct, gradients)
        scored = score_acr156(patches, phantom, pose, model, seen.looked, seen.answer)
        objects, verdict = judge.judge_acr156(scored, phantom)
        regions: tuple[Region, ...] = ()
        marks: tuple[str, ...] = ()
        if options.deduct:
            objects, verdict, regions, marks = deduct_artefacts(seen.around, phantom, pose, objects, verdict)
        verdict = judge.refer(verdict, model.card.pass_calibration, model.card.referral_band)
    view = saliency = view_scale = None
    measurements: tuple[Measurement, ...] = ()
    if options.pictures and seen.upright is not None:
        with watch.step("explain"):
            measurements = visible(seen.looked)
            view, view_scale = mammogram_view(seen.upright, pose)
            if options.explain is not None:
                maps = explanations(options.explain, patches, objects, phantom, model, seen.of_presence)
                saliency = maps_view(maps, phantom, view.shape, view_scale, side_mm=spec.size_px * spec.pitch_mm)
    return Reading(
        verdict,
        objects=objects,
        measurements=measurements,
        pose=pose,
        model=ModelId(model.name, model.version, model.card_sha256),
        regions=regions,
        notes=(*pose.notes, *marks),
        view=view,
        saliency=saliency,
        view_scale=view_scale,
    )


def read_acr_dm(item: Image | Stack, phantom: Phantom, options: Options, watch: Stopwatch) -> Reading:
    """The digital mammography phantom: rules score its objects, and the weekly numbers are taken from the same image.

    Of a tomosynthesis stack the slice is read that shows the objects best.
    """
    from mammoqa import judge, locate
    from mammoqa.jobs.best_slice import best_slice
    from mammoqa.score.acr_dm import PITCH_MM, SIDE_PX, score_acr_dm
    from mammoqa.score.acr_dm_weekly import weekly

    with watch.step("locate"):
        if isinstance(item, Stack):
            index, pose = best_slice(item, phantom)
            image = item.images[index]
            chosen: tuple[str, ...] = (f"slice {index + 1} of {len(item.images)} shows the objects best and was read",)
            pose = replace(pose, slices=(index,))
        else:
            image, pose, chosen = item, locate.locate_acr_dm(item, phantom), ()
    with watch.step("score"):
        patches = locate.patches(image, phantom, pose, size_px=SIDE_PX, pitch_mm=PITCH_MM)
        scored, visible = score_acr_dm(patches, phantom, pose)
        numbers, regions = weekly(image, phantom, pose, raw=not isinstance(item, Stack))
        objects, measurements, verdict = judge.judge_acr_dm(scored, (*numbers, *visible), phantom)
    view = view_scale = None
    if options.pictures:
        with watch.step("explain"):
            framed = insert_alone(phantom)
            view, view_scale = even_view(upright_view(image, framed, pose))
    return Reading(
        verdict,
        objects=objects,
        measurements=measurements,
        regions=regions,
        pose=pose,
        notes=(*pose.notes, *chosen),
        view=view,
        view_scale=view_scale,
    )


def read_acr_mri_large(item: Image | Stack, phantom: Phantom, options: Options, watch: Stopwatch) -> Reading:
    """The MRI phantom: lengths, uniformity and ghosting of its slices against the protocol's limits."""
    from mammoqa import judge, locate
    from mammoqa.score.acr_mri import score_acr_mri

    return _measured(
        _stack(item), phantom, watch, locate.locate_acr_mri, score_acr_mri, judge.judge_measurements, slices_view
    )


def read_acr_ct464(item: Image | Stack, phantom: Phantom, options: Options, watch: Stopwatch) -> Reading:
    """The CT phantom: every test of the modules that were scanned, against the limits of the protocol's name."""
    from mammoqa import judge, locate
    from mammoqa.jobs.acr_ct import modules_view
    from mammoqa.score.acr_ct import score_acr_ct

    stack = _stack(item)
    acquisition = stack.images[0].acquisition
    judged = partial(judge.judge_acr_ct, acquisition=acquisition)
    reading = _measured(stack, phantom, watch, locate.locate_acr_ct, score_acr_ct, judged, modules_view)
    return replace(reading, notes=(*reading.notes, *judge.acr_ct_notes(acquisition)))


def read_cdmam34(item: Image | Stack, phantom: Phantom, options: Options, watch: Stopwatch) -> Reading:
    """A contrast-detail phantom in one image: hits, thresholds and curve; `series` pools the images of one exposure."""
    from mammoqa import locate
    from mammoqa.jobs.cdmam34 import decisions_of, measured, phantom_view
    from mammoqa.jobs.cdmam34_single import cells_model, map_view, model_id, pixel_model_of, read_single
    from mammoqa.models.cdmam_cells import is_cells_model
    from mammoqa.score.cdmam34 import read_cells
    from mammoqa.score.cdmam34_evidence import evidence

    image = _one_image(item)
    with watch.step("locate"):
        pose = locate.locate_cdmam34(image, phantom)
    with watch.step("score"):
        search_mm = options.search_mm
        corner, centre = decisions_of(read_cells(image, phantom, pose, search_mm), phantom)
        model = cells_model(options.model if options.model and is_cells_model(options.model) else None, options.threads)
        read, filters = evidence(image, phantom, pose)
        alone = (read_single(image.source.path, read, model),)
        found = measured(corner, centre, phantom, single=alone, search_mm=search_mm)
    view = view_scale = saliency = None
    if options.pictures:
        with watch.step("explain"):
            view, view_scale = phantom_view(image, phantom, pose)
            if options.explain is not None:
                of = pixel_model_of(model, image.pixels, phantom, pose, read, filters)
                saliency = map_view(image, phantom, pose, of, 1.0 / view_scale)
    return Reading(
        found.verdict,
        measurements=found.measurements,
        pose=pose,
        model=model_id(model),
        notes=(*pose.notes, *found.notes),
        view=view,
        saliency=saliency,
        view_scale=view_scale,
        contrast_detail=found.contrast_detail,
    )


def read_mammo_flat(item: Image | Stack, phantom: Phantom, options: Options, watch: Stopwatch) -> Reading:
    """The flat field: SNR, uniformity, defects, noise power, dose; aluminium and an edge where they are seen."""
    from mammoqa import judge, locate
    from mammoqa.jobs.mammo_flat import field_view, in_view
    from mammoqa.score.mammo_flat import score_mammo_flat

    image = _one_image(item)
    reading = _measured(
        image, phantom, watch, locate.locate_mammo_flat, score_mammo_flat, judge.judge_measurements, field_view
    )
    return replace(reading, regions=in_view(image, reading.regions))


_Item = TypeVar("_Item", Image, Stack)


def _measured(
    item: _Item,
    phantom: Phantom,
    watch: Stopwatch,
    locate: Callable[[_Item, Phantom], Pose],
    score: Callable[[_Item, Phantom, Pose], tuple[tuple[Measurement, ...], tuple[Region, ...]]],
    judge: Callable[[tuple[Measurement, ...], Phantom], tuple[tuple[Measurement, ...], Verdict]],
    show: Callable[[_Item, Pose, tuple[Region, ...]], tuple[np.ndarray, tuple[int, ...]]],
) -> Reading:
    """A phantom that is read in numbers: where it lies, what is measured, how that is judged, and a picture of it."""
    with watch.step("locate"):
        pose = locate(item, phantom)
    with watch.step("score"):
        found, regions = score(item, phantom, pose)
        measurements, verdict = judge(found, phantom)
    with watch.step("explain"):
        view, indices = show(item, pose, regions)
    return Reading(
        verdict,
        measurements=measurements,
        regions=regions,
        pose=pose,
        notes=pose.notes,
        view=view,
        view_slices=indices,
    )


# Which phantom is read how. A new kind of reading is one function above and one line here.
READINGS: Mapping[str, Callable[[Image | Stack, Phantom, Options, Stopwatch], Reading]] = MappingProxyType(
    {
        "acr156": read_acr156,
        "acr_ct464": read_acr_ct464,
        "acr_dm": read_acr_dm,
        "acr_mri_large": read_acr_mri_large,
        "cdmam34": read_cdmam34,
        "mammo_flat": read_mammo_flat,
    }
)


def _sight(item: Image | Stack) -> "tuple[str, Found | None]":
    from mammoqa.locate import sight

    sighting = sight(item)
    return sighting.name, sighting.found


def _phantom(name: str) -> Phantom:
    if name not in READINGS or name not in PHANTOMS:
        raise ConfigurationError(f"there is no phantom {name!r}; choose one of {', '.join(sorted(READINGS))}")
    return PHANTOMS[name]


def _one_image(item: Image | Stack) -> Image:
    if isinstance(item, Image):
        return item
    raise ScoreError(ReasonCode.UNKNOWN_PHANTOM, "this phantom is read in a single image, not in a stack of slices")


def _stack(item: Image | Stack) -> Stack:
    if isinstance(item, Stack):
        return item
    raise ScoreError(ReasonCode.INCOMPLETE_STACK, "this phantom is read in a stack of slices; give the whole series")


def _analysis(item: Image | Stack, phantom: Phantom, reading: Reading, watch: Stopwatch) -> Analysis:
    sources, acquisition, notes = _origin(item)
    return Analysis(
        path=sources[0].path,
        sources=sources,
        acquisition=acquisition,
        phantom=phantom.name,
        verdict=reading.verdict,
        provenance=_provenance(phantom, reading.model, watch),
        objects=reading.objects,
        measurements=reading.measurements,
        pose=reading.pose,
        regions=reading.regions,
        notes=(*notes, *reading.notes),
        view=reading.view,
        saliency=reading.saliency,
        view_scale=reading.view_scale,
        view_slices=reading.view_slices,
        contrast_detail=reading.contrast_detail,
    )


def _refused(item: Item, name: str | None, code: ReasonCode, reason: str, watch: Stopwatch) -> Analysis:
    sources, acquisition, notes = _origin(item)
    phantom = PHANTOMS.get(name) if name else None
    return Analysis(
        path=item.path if isinstance(item, Refused) else sources[0].path,
        sources=sources,
        acquisition=acquisition,
        phantom=phantom.name if phantom else None,
        verdict=Verdict(Outcome.REFUSED, reason=reason, reason_code=code),
        provenance=_provenance(phantom, None, watch),
        notes=notes,
    )


def _origin(item: Item) -> tuple[tuple[Source, ...], Acquisition, tuple[str, ...]]:
    """Where the item came from, how it was acquired, and what the reader noticed."""
    if isinstance(item, Refused):
        source = Source(
            item.path, "", sop_instance_uid=item.sop_instance_uid, series_instance_uid=item.series_instance_uid
        )
        return (source,), Acquisition(), ()
    if isinstance(item, Stack):
        noticed = dict.fromkeys([*item.notes, *(note for image in item.images for note in image.notes)])
        return tuple(image.source for image in item.images), item.images[0].acquisition, tuple(noticed)
    return (item.source,), item.acquisition, item.notes


def _provenance(phantom: Phantom | None, model: ModelId | None, watch: Stopwatch) -> Provenance:
    return Provenance(
        software=f"mammoqa {mammoqa.__version__}",
        phantom_version=phantom.version if phantom else None,
        model=model,
        analysed_at=datetime.now(UTC),
        seconds=watch.total_s(),
        timings_s=watch.timings_s(),
    )


def with_step(analysis: Analysis, name: str, seconds: float) -> Analysis:
    """The analysis with the time of a later step, such as the report, added to its timings."""
    known = analysis.provenance
    timings_s = (*known.timings_s, (name, seconds))
    return replace(analysis, provenance=replace(known, timings_s=timings_s, seconds=known.seconds + seconds))
