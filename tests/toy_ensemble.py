"""An ensemble whose answer is known: two small networks written out by hand instead of graphs."""

from pathlib import Path

import numpy as np

from mammoqa.models.cdmam_ensemble import FORMAT, Ensemble, EnsembleCard, EnsembleTraining

DIAMETERS = (0.1, 0.25, 1.0)


class ToyEnsemble(Ensemble):
    """Each member: a hidden layer of ReLU units that look at the whole downsampled image."""

    def _run(self, graph, outputs, feeds):
        member, side = int(graph[7:9]), self.card.size_px
        rng = np.random.default_rng(member)
        first, offset = rng.normal(size=(20, side * side)) / side, rng.normal(size=20)
        second = rng.normal(size=(len(DIAMETERS), 20)) / 20
        images = feeds["images"]
        hidden = images.reshape(len(images), -1) @ first.T + offset
        found = {"curve": np.maximum(hidden, 0) @ second.T}
        if "weights" in feeds:
            found["gradient"] = (((hidden > 0) * (feeds["weights"] @ second)) @ first).reshape(-1, side, side)
        return [found[name].astype(np.float32) for name in outputs]


def toy_ensemble(size_px=10, mean_dn=0.0, std_dn=1.0):
    card = EnsembleCard(
        format=FORMAT,
        name="toy",
        version="1",
        size_px=size_px,
        mean_dn=mean_dn,
        std_dn=std_dn,
        diameters_mm=DIAMETERS,
        variances=((0.01,) * 3, (0.02,) * 3),
        training=EnsembleTraining("none", "toy", 0, "none", "0" * 64, 0, 0, 0, 0.0, "none"),
        metrics=(),
        limits_of_use=("for tests",),
        code_version="0",
        files=(),
    )
    return ToyEnsemble(Path("toy"), card, "0" * 64, 1)
