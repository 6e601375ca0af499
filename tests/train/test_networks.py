"""The networks: sizes, calls and what is said when torchvision is missing."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'mammoqa[train]'")

from mammoqa.core import ConfigurationError, MissingExtraError  # noqa: E402
from mammoqa.train.networks import MATCHED, MassTemplates, build  # noqa: E402
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
    network = build(MATCHED)
    assert sum(p.numel() for p in network.parameters()) < 1.5e6
    assert _multiplications(network) < 125e6


def test_the_kind_reaches_the_answer_and_the_size_only_that_of_masses():
    torch.manual_seed(0)
    network = build(MATCHED).eval()
    patch = torch.randn(1, 1, 160, 160).expand(6, -1, -1, -1)
    kind = torch.eye(3)[[0, 1, 2, 0, 1, 2]]
    fibre, specks, mass, smaller_fibre, smaller_specks, thinner_mass = network(
        patch, kind, torch.tensor([0.0, 0, 0, -1, -1, -1])
    ).tolist()
    assert len({tuple(fibre), tuple(specks), tuple(mass), tuple(thinner_mass)}) == 4
    assert smaller_fibre == pytest.approx(fibre, abs=1e-6)
    assert smaller_specks == pytest.approx(specks, abs=1e-6)


def test_the_templates_answer_to_the_mass_of_their_size_and_not_to_a_slope():
    masses = MassTemplates(4)
    lens = _lens(6.2)  # the third of the five
    slope = torch.linspace(-1, 1, 160).expand(160, 160)
    whole = masses.templates.reshape(5, 25, 40, 40)[:, -1]

    def answers(patch):
        return (whole * patch.reshape(40, 4, 40, 4).mean(dim=(1, 3))).sum(dim=(1, 2))

    assert int(answers(lens).argmax()) in (1, 2, 3)
    assert float(answers(slope).abs().max()) < 1e-4
    assert float(answers(torch.ones(160, 160)).abs().max()) < 1e-4


def _lens(diameter_mm: float) -> torch.Tensor:
    axis = (torch.arange(160) - 79.5) * 0.1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return (1 - (x**2 + y**2) / (diameter_mm / 2) ** 2).clamp(min=0)


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
