"""Training recipes as data: what `mammoqa train NAME` does."""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from mammoqa.train.augment import Augmentation


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of one training. Numbers without a source are this project's own choices.

    `selection` "all" trains on every object with a score, "yun2025" on those with score 1 and the largest of each kind
    that failed. `soft` mixes the readers' mean vote into the panel's score (0: panel only); above 0 the shares of many
    panels are used instead where the data know them. `patience` counts epochs
    without a better loss on the test split; `warmup` is the share of the run in which the learning rate rises.
    """

    name: str
    network: str
    artefact: str
    optimiser: Literal["adamw", "sgd"]
    learning_rate: float
    weight_decay: float
    batch: int
    epochs: int
    patience: int
    gamma: float = 2.0  # focal loss, Lin et al. 2017; 0 is cross entropy
    balance: bool = True  # inverse class weights (Yun et al. 2025)
    soft: float = 0.0
    selection: Literal["all", "yun2025"] = "all"
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = 0.1
    ema: float = 0.998
    pretrained: bool = True
    bfloat16: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)


RECIPES: MappingProxyType[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            # The network that ships: trains on two CPU cores in under an hour.
            Recipe(
                name="acr156",
                network="mammoqa_matched",
                artefact="acr156",
                optimiser="adamw",
                learning_rate=3e-3,
                weight_decay=1e-2,
                batch=64,
                epochs=16,
                patience=16,
                gamma=0.0,
                balance=False,
                soft=0.7,
                bfloat16=True,
                augmentation=Augmentation(size_octaves=0.3),
            ),
            # Yun et al. 2025, "Model training". Batch size and momentum are not stated there: 32, none.
            Recipe(
                name="acr156_yun2025",
                network="efficientnet_v2_l",
                artefact="acr156",
                optimiser="sgd",
                learning_rate=5e-3,
                weight_decay=1e-5,
                batch=32,
                epochs=200,
                patience=20,
                selection="yun2025",
                schedule="constant",
                ema=0.0,
                augmentation=Augmentation(transpose=False, affine_share=1.0, rescale=0.1, size_octaves=0.0),
            ),
        )
    }
)
