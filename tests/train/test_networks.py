"""The networks: sizes, calls and what is said when torchvision is missing."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'mammoqa[train]'")

from mammoqa.core import ConfigurationError, MissingExtraError  # noqa: E402
from mammoqa.train.networks import COMPACT, build  # noqa: E402
from mammoqa.train.recipes import RECIPES  # noqa: E402


def _multiplications(network):
    count = 0

    def add(module, _, output):
        nonlocal count
        count += output.numel() * module.weight[0].numel()

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(add)
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 1, 160, 160), torch.eye(3)[:1], torch.zeros(1))
    return count


def test_the_compact_network_is_compact():
    network = build(COMPACT)
    assert sum(p.numel() for p in network.parameters()) < 1.5e6
    assert _multiplications(network) < 105e6


def test_kind_and_size_reach_the_answer():
    torch.manual_seed(0)
    network = build(COMPACT).eval()
    patch = torch.randn(1, 1, 64, 64).expand(4, -1, -1, -1)
    kind = torch.eye(3)[[0, 1, 2, 0]]
    logits = network(patch, kind, torch.tensor([0.0, 0, 0, -1]))
    assert len({tuple(row) for row in logits.tolist()}) == 4


def _torchvision():
    try:
        import torchvision.models  # noqa: F401
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"needs torchvision that fits torch: {error}")


def test_any_torchvision_classifier_can_be_the_backbone():
    _torchvision()
    for name in ("mobilenet_v3_small", "resnet18"):
        network = build(name, pretrained=False).eval()
        with torch.inference_mode():
            assert network(torch.randn(2, 1, 160, 160), torch.eye(3)[:2], torch.zeros(2)).shape == (2, 2)
    with pytest.raises(ConfigurationError, match="no network named"):
        build("efficientnet_v9")


def test_without_torchvision_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchvision.models", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mammoqa\[train\]'"):
        build("efficientnet_v2_l")


def test_the_papers_recipe_has_the_papers_settings():
    paper = RECIPES["acr156_yun2025"]
    assert (paper.network, paper.optimiser, paper.epochs) == ("efficientnet_v2_l", "sgd", 200)
    assert (paper.learning_rate, paper.weight_decay, paper.selection) == (5e-3, 1e-5, "yun2025")
    assert (paper.soft, paper.schedule, paper.pretrained) == (0.0, "constant", True)
