"""A member of an ensemble as two ONNX graphs that share one file of weights at half precision.

The gradient graph is made as in `export`: traced as an ordinary computation, with the convolutions' backward operators
rewritten. Large weights lie outside the graphs, as float16 that the graphs turn into float32 at loading. Half precision
moves a curve by far less than its uncertainty; it halves what has to be stored.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mammoqa.models.cdmam_ensemble import member_files
from mammoqa.train.cdmam_network import CurveNetwork
from mammoqa.train.export import fold, rewritten, write_graph

_LARGE = 10_000  # entries, from which on a weight is stored outside


def export_member(network: CurveNetwork, folder: Path, member: int, size_px: int) -> tuple[tuple[str, str], ...]:
    """Writes member-NN.onnx, member-NN-gradient.onnx and member-NN.weights; gives their names and SHA-256.

    Raises:
        ModelError: the network has a layer whose gradient cannot be exported.
    """
    folder.mkdir(parents=True, exist_ok=True)
    forward, backward, weights = member_files(member)
    ready = fold(network)
    points = int(network.log_variance.shape[0])
    rng = torch.Generator().manual_seed(0)
    examples = torch.randn(3, 1, size_px, size_px, generator=rng), torch.rand(3, points, generator=rng)
    batch = torch.export.Dim("batch", min=1, max=4096)
    rows = {0: batch}
    write_graph(ready, examples[:1], folder / forward, names=(("images",), ("curve",)), dynamic=(rows,))
    write_graph(
        rewritten(_gradient(ready), examples),
        examples,
        folder / backward,
        names=(("images", "weights"), ("gradient", "curve")),
        dynamic=(rows, rows),
    )
    _share_weights([folder / forward, folder / backward], folder / weights)
    names = (forward, backward, weights)
    return tuple((name, hashlib.sha256((folder / name).read_bytes()).hexdigest()) for name in names)


def _gradient(network: nn.Module) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(images, weights) to (gradient of sum(weights * curve) [n, size, size], curve [n, K])."""

    def total(images: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        curve = network(images)
        return (curve * weights).sum(), curve

    def gradient(images: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        by_image, curve = torch.func.grad(total, has_aux=True)(images, weights)
        return by_image[:, 0], curve

    return gradient


def _share_weights(graphs: list[Path], weights: Path) -> None:
    """Moves large float32 constants of several graphs into one file at half precision, equal ones once.

    A matrix that is stored already the other way round is turned by the graph.
    """
    import onnx
    from onnx import TensorProto, numpy_helper

    places: dict[str, tuple[int, int]] = {}
    with weights.open("wb") as stream:
        for path in graphs:
            model: Any = onnx.load(str(path))
            made: list[Any] = []
            for tensor in model.graph.initializer:
                if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < _LARGE:
                    continue
                half = numpy_helper.to_array(tensor).astype(np.float16)
                turned = half.ndim == 2 and _key(half.T) in places
                stored = half.T if turned else half
                key = _key(stored)
                if key not in places:
                    places[key] = (stream.tell(), half.nbytes)
                    stream.write(stored.tobytes())
                made += _outside(tensor, weights.name, places[key], turned=turned)
            kept = list(model.graph.node)
            del model.graph.node[:]
            model.graph.node.extend(made + kept)
            path.write_bytes(model.SerializeToString())


def _key(values: np.ndarray) -> str:
    return f"{values.shape} {hashlib.sha256(values.tobytes()).hexdigest()}"


def _outside(tensor: Any, location: str, place: tuple[int, int], *, turned: bool) -> list[Any]:
    """Makes a constant one that is stored at half precision in another file; the nodes that bring back the old one."""
    from onnx import TensorProto, helper

    name = str(tensor.name)
    tensor.name = f"{name}_half"
    tensor.data_type = TensorProto.FLOAT16
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    for key, value in (("location", location), ("offset", str(place[0])), ("length", str(place[1]))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    if not turned:
        return [helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT)]
    tensor.dims[:] = list(tensor.dims)[::-1]
    return [
        helper.make_node("Transpose", [tensor.name], [f"{name}_turned"], perm=[1, 0]),
        helper.make_node("Cast", [f"{name}_turned"], [name], to=TensorProto.FLOAT),
    ]
