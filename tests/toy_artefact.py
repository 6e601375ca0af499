"""An artefact whose answer is known: a linear network written with onnx alone, so that no torch is needed."""

import hashlib
from pathlib import Path

import numpy as np

from mammoqa.models import Card, InputSpec, Platt, Preprocessing, Reading, Training
from mammoqa.models.card import FORMAT, as_json

SIZE = 160
BY_KIND = np.array([[0.5, -0.5], [1.0, 0.0], [-1.0, 0.25]], dtype=np.float32)


def templates():
    """What the two outputs look at: a disc in the middle and a bar beside it; [2, SIZE, SIZE]."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    disc = (np.hypot(x, y) < 30) * 1.0
    bar = ((np.abs(x - 40) < 5) & (np.abs(y) < 40)) * 1.0
    both = np.stack([disc / disc.sum(), bar / bar.sum()])
    return (10 * both).astype(np.float32)


def card(files, **changes):
    fields = {
        "format": FORMAT,
        "name": "toy",
        "version": "1",
        "input": InputSpec(),
        "preprocessing": Preprocessing(),
        "readings": tuple(
            Reading(kind, Platt(2.0, -1.0), Platt(1.0, 0.5), 0.5, 0.6) for kind in ("fibre", "speck_group", "mass")
        ),
        "training": Training("none", "linear", 0, "none", "0" * 64, 0, 0, 0, 0, 0, 0.0, "all", "none"),
        "metrics": (),
        "limits_of_use": ("for tests",),
        "code_version": "0",
        "files": files,
    }
    return Card(**(fields | changes))


def write(folder: Path) -> Path:
    """model.onnx, gradient.onnx and card.json of the linear network."""
    from onnx import TensorProto, helper, numpy_helper

    def tensor(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    inputs = [tensor("patches", ["n", 1, SIZE, SIZE]), tensor("kind", ["n", 3]), tensor("log_size", ["n"])]
    flat = templates().reshape(2, -1)
    constants = {
        "template": np.ascontiguousarray(flat.T),
        "turned": flat,
        "by_kind": BY_KIND,
        "flat": np.array([0, SIZE * SIZE], dtype=np.int64),
        "square": np.array([0, SIZE, SIZE], dtype=np.int64),
        "column": np.array([1], dtype=np.int64),
    }
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    forward = [
        helper.make_node("Reshape", ["patches", "flat"], ["rows"]),
        helper.make_node("MatMul", ["rows", "template"], ["seen"]),
        helper.make_node("MatMul", ["kind", "by_kind"], ["shift"]),
        helper.make_node("Add", ["seen", "shift"], ["shifted"]),
        helper.make_node("Unsqueeze", ["log_size", "column"], ["size"]),
        helper.make_node("Add", ["shifted", "size"], ["logits"]),
    ]
    back = [
        helper.make_node("MatMul", ["weights", "turned"], ["flat_gradient"]),
        helper.make_node("Reshape", ["flat_gradient", "square"], ["gradient"]),
    ]
    graphs = {
        "model.onnx": (forward, inputs, [tensor("logits", ["n", 2])]),
        "gradient.onnx": (
            forward + back,
            [*inputs, tensor("weights", ["n", 2])],
            [tensor("gradient", ["n", SIZE, SIZE]), tensor("logits", ["n", 2])],
        ),
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, (nodes, takes, gives) in graphs.items():
        graph = helper.make_graph(nodes, "toy", takes, gives, weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        raw = model.SerializeToString()
        (folder / name).write_bytes(raw)
        files.append((name, hashlib.sha256(raw).hexdigest()))
    (folder / "card.json").write_text(as_json(card(tuple(files))))
    return folder
