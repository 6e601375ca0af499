"""Everything that one image of the ACR 156 phantom is asked before it is scored, on two cores."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from mammoqa.core import Image, Phantom, Pose
from mammoqa.jobs.views import VIEW_PITCH_MM, upright_view
from mammoqa.locate import between
from mammoqa.models import Model
from mammoqa.score.acr156 import kinds_and_sizes
from mammoqa.score.acr156_visible import look
from mammoqa.score.acr_dm import Seen
from mammoqa.score.artefacts import Answers, filter_answers


@dataclass(frozen=True, slots=True, eq=False)
class Sights:
    """The network's answer, what filters see of the objects; where wanted, also around them, view and gradients."""

    answer: Float[np.ndarray, "n two"]
    looked: tuple[Seen, ...]
    upright: Float32[np.ndarray, "rows columns"] | None
    around: Answers | None
    of_presence: Float32[np.ndarray, "n size size"] | None


def look_at(
    image: Image, phantom: Phantom, pose: Pose, patches: Float32[np.ndarray, "n size size"], pitch_mm: float
) -> tuple[Seen, ...]:
    """What filters see of every insert; `patches` as `locate.patches` cuts them at that pitch."""
    return look(image, phantom, pose, patches, between(image, phantom, pose, pitch_mm=pitch_mm), pitch_mm)


def look_and_ask(
    image: Image,
    phantom: Phantom,
    pose: Pose,
    patches: Float32[np.ndarray, "n size size"],
    model: Model,
    pictures: bool,
    deduct: bool,
    gradients: bool,
) -> Sights:
    """Ask the network while filters look and the view is made.

    The scores decide which output a map explains. Nearly always it is presence, and one run of the gradient graph gives
    that with the answer; maps of abnormality are left for later. `deduct` wants the answers around the objects,
    `pictures` the view.
    """
    kinds, sizes_mm = kinds_and_sizes(phantom)
    presence = np.tile([1.0, 0.0], (len(patches), 1))
    with ThreadPoolExecutor(1) as pool:  # the network's runtime computes outside Python's lock
        if gradients:
            asked = pool.submit(model.explain, patches, kinds, sizes_mm, presence)
        else:
            plain = pool.submit(model.predict, patches, kinds, sizes_mm)
        upright = upright_view(image, phantom, pose) if pictures or deduct else None
        looked = look_at(image, phantom, pose, patches, model.card.input.pitch_mm)
        around = filter_answers(upright, VIEW_PITCH_MM, phantom) if deduct and upright is not None else None
        if gradients:
            answer, of_presence = asked.result()
            return Sights(answer, looked, upright, around, of_presence)
        return Sights(plain.result(), looked, upright, around, None)
