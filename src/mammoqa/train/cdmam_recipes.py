"""Recipes of ensembles that read a CDMAM's curve: Amanova et al. 2022, a small one, and that of every cell."""

from dataclasses import dataclass
from types import MappingProxyType

from mammoqa.simulate.cdmam_scenarios import MARGIN_STEPS


@dataclass(frozen=True, slots=True)
class CdmamRecipe:
    """Settings of one training.

    `pool` is a further max pooling before the fully connected layers (1: none, as in table 2), `hidden` their width.
    `margin_steps` are the margins of each step of the incremental training; images from a scanner, where there are
    any, come in a further step (appendix D). The epochs are shared evenly among the steps (the paper does not say how).
    With `every_draw` each downsampling counts as an image of its own, as in the paper; else an epoch shows every image
    once, in a random one of its downsamplings.
    """

    name: str
    members: int = 10
    pool: int = 1
    hidden: int = 512
    learning_rate: float = 1e-5
    l2: float = 1e-4
    dropout: float = 0.2
    epochs: int = 300
    batch: int = 50
    label_images: int = 16
    every_draw: bool = True
    margin_steps: tuple[tuple[float, ...], ...] = MARGIN_STEPS

    @property
    def network(self) -> str:
        """The architecture in a word."""
        return "amanova2022" if self.pool == 1 and self.hidden == 512 else f"amanova2022/{self.pool}/{self.hidden}"


CDMAM_RECIPES: MappingProxyType[str, CdmamRecipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            # Section 2.2, table 2, appendix D. 63 million weights a member: 252 MB, 126 MB at half precision.
            CdmamRecipe("cdmam34_amanova2022"),
            # The same in every step, small enough for a processor and for shipping (3.8 MB a member).
            CdmamRecipe(
                "cdmam34_small",
                pool=4,
                hidden=256,
                learning_rate=2e-4,
                epochs=60,
                label_images=3,
                every_draw=False,
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class CellsRecipe:
    """Settings of the single-image reading's training, all choices.

    `directions` are those of the prior over psychometric curves. `apart_members` and `apart_epochs` are those of the
    readings that leave one family out.
    """

    name: str
    members: int = 5
    directions: int = 5
    epochs: int = 40
    apart_members: int = 2
    apart_epochs: int = 20
    batch: int = 48
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4


CELLS_RECIPES: MappingProxyType[str, CellsRecipe] = MappingProxyType({"cdmam34_cells": CellsRecipe("cdmam34_cells")})
