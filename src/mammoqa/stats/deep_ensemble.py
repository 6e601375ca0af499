"""What an ensemble of networks with a Gaussian output knows, and how well it knows it.

Members m give means mu_m and variances sigma_m^2. As a mixture of Gaussians (Lakshminarayanan et al. 2016; the division
is that of Kendall and Gal 2017, which Amanova et al. 2022, section 2.2, follow):

    mean        mean over m of mu_m
    aleatoric^2 mean over m of sigma_m^2      scatter that more training does not take away
    epistemic^2 variance over m of mu_m       how far the members disagree
    total^2     aleatoric^2 + epistemic^2
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

EXPANSION = 1.96  # of the total uncertainty: 95 % of a Gaussian


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Mean and standard uncertainties, each [n, K]."""

    mean: Float[np.ndarray, "n k"]
    epistemic: Float[np.ndarray, "n k"]
    aleatoric: Float[np.ndarray, "n k"]
    total: Float[np.ndarray, "n k"]

    def interval(self) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
        """The ends of the 95 % intervals."""
        return self.mean - EXPANSION * self.total, self.mean + EXPANSION * self.total

    def covers(self, truth: Float[np.ndarray, "n k"]) -> Bool[np.ndarray, "n k"]:
        """Whether each interval holds the truth."""
        low, high = self.interval()
        return np.asarray((truth >= low) & (truth <= high))


def combine(means: Float[np.ndarray, "members n k"], variances: Float[np.ndarray, "members n k"]) -> Spread:
    """The mixture of the members' Gaussians as one mean with uncertainties."""
    epistemic = means.std(axis=0)
    aleatoric = np.sqrt(variances.mean(axis=0))
    return Spread(means.mean(axis=0), epistemic, aleatoric, np.hypot(epistemic, aleatoric))
