"""A trained network as the two graphs that the run time needs: model.onnx and gradient.onnx.

The gradient is traced as an ordinary computation: `torch.func.grad` under `make_fx`. Its `aten.convolution_backward`
nodes, which ONNX does not have, become transposed convolutions (or, at stride 1, convolutions with turned kernels,
which onnxruntime runs faster). Batch normalisation is folded into the convolutions before.
"""

import copy
import itertools
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

from mammoqa.core import ModelError
from mammoqa.models.card import KINDS, OUTPUTS

_OPSET = 18
_EXAMPLES = 7  # unlike every other dimension, or tracing takes the batch to be that dimension


def export(network: nn.Module, folder: Path, size_px: int) -> None:
    """Writes model.onnx and gradient.onnx, both with a dynamic batch.

    Args:
        network: called as in `networks`; left unchanged.
        folder: made if it is not there.
        size_px: side of the patches.

    Raises:
        ModelError: the network has a layer whose gradient cannot be exported.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ready = fold(network)
    patches, kind, log_size, weights = _examples(size_px)
    batch = torch.export.Dim("batch", min=1, max=4096)
    rows = {0: batch}
    write_graph(
        ready,
        (patches, kind, log_size),
        folder / "model.onnx",
        names=(("patches", "kind", "log_size"), ("logits",)),
        dynamic=(rows, rows, rows),
    )
    write_graph(
        gradient_graph(ready, (patches, kind, log_size, weights)),
        (patches, kind, log_size, weights),
        folder / "gradient.onnx",
        names=(("patches", "kind", "log_size", "weights"), ("gradient", "logits")),
        dynamic=(rows, rows, rows, rows),
    )


def fold(network: nn.Module) -> nn.Module:
    """A copy for inference: batch normalisation that directly follows a convolution is folded into it."""
    ready: nn.Module = copy.deepcopy(network).eval().float()
    for parent in ready.modules():
        children = list(parent.named_children())
        for (first, convolution), (second, norm) in itertools.pairwise(children):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, first, nn.utils.fuse_conv_bn_eval(convolution, norm))
                setattr(parent, second, nn.Identity())
    ready.requires_grad_(False)
    return ready


def gradient_function(network: nn.Module) -> Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(patches, kind, log_size, weights) to (gradient of sum(weights * logits) [n, size, size], logits [n, 2])."""

    def total(patches: Tensor, kind: Tensor, log_size: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        logits = network(patches, kind, log_size)
        return (logits * weights).sum(), logits

    def gradient(patches: Tensor, kind: Tensor, log_size: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        by_patch, logits = torch.func.grad(total, has_aux=True)(patches, kind, log_size, weights)
        return by_patch[:, 0], logits

    return gradient


def gradient_graph(network: nn.Module, examples: tuple[Tensor, ...]) -> fx.GraphModule:
    """The gradient function as a graph of forward operators with a symbolic batch."""
    return rewritten(gradient_function(network), examples)


def rewritten(function: Callable[..., Any], examples: tuple[Tensor, ...]) -> fx.GraphModule:
    """A function that takes gradients as a graph of forward operators with a symbolic batch.

    Raises:
        ModelError: it needs a backward operator that cannot be exported.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    trace = make_fx(
        function,
        tracing_mode="symbolic",
        decomposition_table=_decompositions(),
        _allow_non_fake_inputs=True,  # the weights, which become constants of the graph
    )
    graph: fx.GraphModule = trace(*examples)
    for node in list(graph.graph.nodes):
        if node.op == "call_function" and node.target is torch.ops.aten.convolution_backward.default:
            _rewrite(graph, node)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    left = sorted({str(n.target) for n in graph.graph.nodes if "backward" in str(n.target)})
    if left:
        raise ModelError(f"the input gradient of this network cannot be exported, it needs {', '.join(left)}")
    return graph


def _decompositions() -> dict[Any, Callable[..., Any]]:
    """Backward operators that torch can write with forward ones."""
    from torch._decomp import get_decompositions

    aten = torch.ops.aten
    return get_decompositions(
        [aten.threshold_backward, aten.native_batch_norm_backward, aten.silu_backward, aten.sigmoid_backward,
         aten.hardswish_backward, aten.hardsigmoid_backward, aten.gelu_backward, aten.native_layer_norm_backward,
         aten._softmax_backward_data, aten.tanh_backward]
    )  # fmt: skip


def _rewrite(graph: fx.GraphModule, node: fx.Node) -> None:
    """Replaces the gradient by a convolution's input; those by weight and bias are not used."""
    aten: Any = torch.ops.aten
    arguments: tuple[Any, ...] = node.args
    outer, inputs, weight, _, stride, padding, dilation, transposed, _, groups, _ = arguments
    if transposed:
        raise ModelError("the input gradient of a transposed convolution cannot be exported")
    kernel, inner, size = (_sides(graph, which) for which in (weight, inputs, outer))
    reach = [dilation[i] * (kernel[i] - 1) for i in (0, 1)]
    missing = [inner[i] - ((size[i] - 1) * stride[i] - 2 * padding[i] + reach[i] + 1) for i in (0, 1)]
    users = [user for user in node.users if user.args[1] == 0]
    with graph.graph.inserting_before(node):
        if list(stride) == [1, 1] and groups == 1 and missing == [0, 0]:
            turned = graph.graph.call_function(aten.flip.default, (weight, [2, 3]))
            turned = graph.graph.call_function(aten.permute.default, (turned, [1, 0, 2, 3]))
            around = [reach[i] - padding[i] for i in (0, 1)]
            replacement: tuple[Any, ...] = (outer, turned, None, [1, 1], around, dilation, False, [0, 0], 1)
        else:
            replacement = (outer, weight, None, stride, padding, dilation, True, missing, groups)
        result = graph.graph.call_function(aten.convolution.default, replacement)
    for user in users:
        result.meta["val"] = user.meta["val"]  # its shape is asked for when it feeds the next one
        user.replace_all_uses_with(result)
        graph.graph.erase_node(user)


def _sides(graph: fx.GraphModule, node: fx.Node) -> tuple[int, int]:
    """Rows and columns of a node's tensor, which do not depend on the batch."""
    value = getattr(graph, str(node.target)) if node.op == "get_attr" else node.meta["val"]
    return int(value.shape[-2]), int(value.shape[-1])


def _examples(size_px: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    return (
        torch.randn(_EXAMPLES, 1, size_px, size_px, generator=rng),
        torch.eye(len(KINDS))[torch.arange(_EXAMPLES) % len(KINDS)],
        torch.zeros(_EXAMPLES),
        torch.rand(_EXAMPLES, len(OUTPUTS), generator=rng),
    )


def write_graph(
    module: nn.Module,
    examples: tuple[Tensor, ...],
    path: Path,
    *,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    dynamic: tuple[Any, ...],
) -> None:
    """Writes a module as one ONNX file that keeps nothing of where it was made; ModelError where torch cannot."""
    inputs, outputs = names
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it reports that torchvision's operators are not there
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own deprecated calls
        program = torch.export.export(module, examples, dynamic_shapes=dynamic, strict=False)
        model = torch.onnx.export(
            program, dynamo=True, input_names=inputs, output_names=outputs, opset_version=_OPSET, verbose=False
        )
    if model is None:
        raise ModelError(f"torch could not export {path.name}")
    model.optimize()
    model.save(str(path), external_data=False)
    forget_origin(path)


def forget_origin(path: Path) -> None:
    """Takes out of a graph what the exporter notes of source files and folders; the computation stays as it is."""
    import onnx

    model = onnx.load(str(path))
    graphs = [model.graph, *model.functions]
    described = [model, model.graph, *model.functions, *(node for graph in graphs for node in graph.node)]
    described += [*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer]
    for part in described:
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    onnx.save(model, str(path))
