"""The networks: patch, kind and size in, two logits (present, abnormal) out.

Every network has the same call, `network(patches [n, 1, size, size], kind [n, 3] one-hot, log_size [n]) -> [n, 2]`.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from mammoqa.core import ConfigurationError, MissingExtraError
from mammoqa.models.card import KINDS, OUTPUTS
from mammoqa.phantoms import PHANTOMS

MATCHED = "mammoqa_matched"
_IMAGENET_MEAN, _IMAGENET_STD = 0.449, 0.226  # grey averages of torchvision's per-channel constants
_TORCHVISION_PX = 224  # Yun et al. 2025


class ConvNorm(nn.Sequential):
    """Convolution and batch normalisation (folded into one at export), then ReLU where wanted."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, *, relu: bool = True) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU() if relu else nn.Identity(),
        )


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al. 2016, basic block)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvNorm(inputs, outputs, 3, stride), ConvNorm(outputs, outputs, 3, relu=False))
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else ConvNorm(inputs, outputs, 1, stride, relu=False)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Body plus shortcut."""
        out: Tensor = self.relu(self.body(x) + self.shortcut(x))
        return out


class Film(nn.Module):
    """Scales and shifts feature maps by kind and size (feature-wise linear modulation, Perez et al. 2018)."""

    def __init__(self, context: int, channels: int) -> None:
        super().__init__()
        self.gain = nn.Linear(context, channels)
        self.shift = nn.Linear(context, channels)
        for layer in (self.gain, self.shift):  # starts as the identity
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, maps: Tensor, context: Tensor) -> Tensor:
        """Maps [n, channels, rows, columns] with one gain and shift per channel."""
        out: Tensor = maps * (1 + self.gain(context))[:, :, None, None] + self.shift(context)[:, :, None, None]
        return out


class MeanAndMax(nn.Module):
    """Average (how much of it) and maximum (is there one) of each feature map."""

    def forward(self, maps: Tensor) -> Tensor:
        """[n, channels, rows, columns] to [n, 2 channels]."""
        return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)


class LineFilters(nn.Conv2d):
    """A wide first layer that starts as matched filters: short lines of three widths at +-45 degrees, and discs.

    Lines are zero-mean Gaussian profiles of 2.4 mm length, as the segments that readers look at; they are trained on.
    """

    def __init__(self) -> None:
        reach, pitch_mm = 7, 0.1
        axis = torch.arange(-reach, reach + 1.0) * pitch_mm
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        fade = torch.exp(-0.5 * ((x**2 + y**2) / 0.6**2) ** 2)
        kernels = []
        for sigma_mm in (0.14, 0.22, 0.34):
            for sign in (1.0, -1.0):
                across = (x + sign * y) / math.sqrt(2)
                kernels.append(fade * torch.exp(-0.5 * (across / sigma_mm) ** 2))
        kernels += [torch.exp(-0.5 * (x**2 + y**2) / sigma_mm**2) for sigma_mm in (0.09, 0.16, 0.3, 0.6)]
        bank = torch.stack(kernels)
        bank = bank - bank.mean(dim=(1, 2), keepdim=True)
        bank = bank / bank.square().sum(dim=(1, 2), keepdim=True).sqrt()
        super().__init__(1, len(bank), 2 * reach + 1, stride=2, padding=reach, bias=False)
        with torch.no_grad():
            self.weight.copy_(bank[:, None])


class MassTemplates(nn.Module):
    """Twelve sectors of a mass as linear filters over the whole patch, from centre to rim and the rim alone.

    The filters are lenses of the five diameters of the ACR 156 phantom against their surroundings, at 0.4 mm pitch;
    the nominal size mixes the diameters and enters the network here only. A small network reads each sector, and the
    mean, smallest and largest answer over the sectors is passed on, so that a turned mass reads the same.
    """

    templates: Tensor
    log_sizes: Tensor

    def __init__(self, outputs: int) -> None:
        super().__init__()
        masses = [insert for insert in PHANTOMS["acr156"].inserts if insert.kind == "mass"]
        bank = torch.stack([_sector_templates(insert.diameter_mm) for insert in masses])
        self.register_buffer("templates", bank.flatten(0, 1))
        self.register_buffer("log_sizes", torch.tensor([math.log2(insert.size_mm) for insert in masses]))
        self.sector = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, outputs), nn.ReLU())

    def forward(self, patches: Tensor, log_size: Tensor) -> Tensor:
        """[n, 1, size, size] to [n, 3 outputs]."""
        side = patches.shape[-1] // _COARSE
        coarse = patches.reshape(-1, side, _COARSE, side, _COARSE).mean(dim=(2, 4)).flatten(1)
        edge = (self.templates.shape[-1] - side) // 2  # smaller patches take the middle of the templates
        middle = self.templates[:, edge : edge + side, edge : edge + side].flatten(1)
        of_size = middle.reshape(len(self.log_sizes), -1, middle.shape[1])
        share = torch.softmax(-8.0 * (log_size[:, None] - self.log_sizes).square(), dim=1)

        def answer(templates: Tensor) -> Tensor:
            # no len(coarse) here and below: the exporter would fix the batch
            answers = nn.functional.linear(coarse, templates.flatten(0, 1)).reshape(-1, *templates.shape[:2])
            mixed: Tensor = (answers * share[:, :, None]).sum(dim=1)
            return mixed

        wedges, rims = answer(of_size[:, :_SECTORS]), answer(of_size[:, _SECTORS : 2 * _SECTORS])
        whole = answer(of_size[:, 2 * _SECTORS :])
        level = wedges.mean(dim=1, keepdim=True)
        each = torch.stack([wedges, rims, whole.expand_as(wedges), level.expand_as(wedges)], dim=2)
        rows = self.sector(each.flatten(0, 1))  # a linear layer on three dimensions would fix it too
        seen = rows.reshape(-1, _SECTORS, rows.shape[1])
        return torch.cat([seen.mean(dim=1), seen.amax(dim=1), seen.amin(dim=1)], dim=1)


_SECTORS = 12
_COARSE = 4  # pixels of 0.1 mm
_PATCH_PX = 160


def _sector_templates(diameter_mm: float) -> Tensor:
    """Wedges, rims and the whole of a lens against a ring around it, [25, 40, 40], of unit norm."""
    side = _PATCH_PX // _COARSE
    axis = (torch.arange(side) - (side - 1) / 2) * _COARSE * 0.1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    away = torch.hypot(x, y) / (diameter_mm / 2)
    lens = (1 - away.square()).clamp(min=0)
    around = torch.sigmoid((away - 1.05) * 12) * torch.sigmoid((1.5 - away) * 12)
    turn = torch.atan2(y, x) / (2 * math.pi)

    def against(inside: Tensor, outside: Tensor) -> Tensor:
        flat = inside / inside.sum() - outside / outside.sum()
        return flat / flat.square().sum().sqrt()

    bank = []
    for rim in (lens.new_ones(()), torch.sigmoid((away - 0.68) * 12)):
        for k in range(_SECTORS):
            off = torch.remainder(turn - (k + 0.5) / _SECTORS + 0.5, 1.0) - 0.5
            wedge = torch.sigmoid((0.55 / _SECTORS - off.abs()) * 120)
            bank.append(against(lens * wedge * rim + 1e-9, around * wedge))
    bank.append(against(lens, around))
    return torch.stack(bank)


class Matched(nn.Module):
    """The network that ships: filters matched to the objects, then four residual blocks and a head.

    The first layer starts from the readers' filters (`LineFilters`), masses are also read by templates over the whole
    patch (`MassTemplates`). The kind modulates the features; the size only chooses among the templates. About 120
    million multiplications for a 160 x 160 patch and 0.7 million parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        kinds, sectors = len(KINDS), 16
        self.lines = LineFilters()
        self.stem = ConvNorm(1, 16, 5, stride=2)  # 80 x 80; specks of 0.16 mm are 1.6 pixels of the patch
        channels = 16 + self.lines.out_channels
        self.line_norm = nn.BatchNorm2d(self.lines.out_channels)
        self.early = nn.Sequential(
            Residual(channels, 32, stride=2),  # 40 x 40
            Residual(32, 64, stride=2),  # 20 x 20
        )
        self.film = Film(kinds, 64)
        self.late = nn.Sequential(
            Residual(64, 128, stride=2),  # 10 x 10
            Residual(128, 128),  # sees the whole patch
        )
        self.pool = MeanAndMax()
        self.masses = MassTemplates(sectors)
        self.head = nn.Sequential(
            nn.Linear(2 * 128 + 3 * sectors + kinds, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, len(OUTPUTS))
        )

    def forward(self, patches: Tensor, kind: Tensor, log_size: Tensor) -> Tensor:
        """Logits [n, 2]."""
        stem = torch.cat([self.stem(patches), self.line_norm(self.lines(patches))], dim=1)
        features = self.pool(self.late(self.film(self.early(stem), kind)))
        templates = self.masses(patches, log_size) * kind[:, 2:3]  # of masses only
        logits: Tensor = self.head(torch.cat([features, templates, kind], dim=1))
        return logits


class Torchvision(nn.Module):
    """A torchvision classifier as backbone: grey in three channels, resized, kind and size joined at the head."""

    def __init__(self, backbone: nn.Module, features: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(features + len(KINDS) + 1, len(OUTPUTS))

    def forward(self, patches: Tensor, kind: Tensor, log_size: Tensor) -> Tensor:
        """Logits [n, 2]."""
        size = (_TORCHVISION_PX, _TORCHVISION_PX)
        resized = nn.functional.interpolate(patches, size=size, mode="bilinear", align_corners=False)
        grey = (resized / 4 + 0.5 - _IMAGENET_MEAN) / _IMAGENET_STD  # asinh(z / 3) of +-2 fills the range 0..1
        features = self.backbone(grey.expand(-1, 3, -1, -1))
        logits: Tensor = self.head(torch.cat([features, kind, log_size[:, None]], dim=1))
        return logits


def build(name: str, *, pretrained: bool = True) -> nn.Module:
    """A network by name: `mammoqa_matched`, or any classifier of torchvision such as `efficientnet_v2_l`.

    Args:
        name: the network.
        pretrained: torchvision networks start from their default (ImageNet) weights.

    Raises:
        MissingExtraError: a torchvision network is wanted and torchvision is missing or does not fit torch.
        ConfigurationError: no network has that name.
    """
    if name == MATCHED:
        return Matched()
    models = _torchvision_models()
    if name not in models.list_models(module=models):
        raise ConfigurationError(f"no network named {name!r}; use {MATCHED} or a classifier of torchvision.models")
    backbone = models.get_model(name, weights="DEFAULT" if pretrained else None)
    return Torchvision(backbone, _take_classifier_off(backbone, name))


def _torchvision_models() -> Any:
    try:
        import torchvision.models
    except (ImportError, RuntimeError) as error:  # RuntimeError: its compiled part does not fit this torch
        raise MissingExtraError(
            "this recipe needs torchvision built for the same torch and device (for CPU both from PyTorch's CPU wheel "
            f"index): pip install 'mammoqa[train]'. It said: {error}"
        ) from error
    return torchvision.models


def _take_classifier_off(backbone: nn.Module, name: str) -> int:
    """Replaces the last linear layer by the identity; gives the number of features that it took."""
    layers = [(path, module) for path, module in backbone.named_modules() if isinstance(module, nn.Linear)]
    if not layers or getattr(layers[-1][1], "out_features", 0) != 1000:
        raise ConfigurationError(f"{name} does not end in a linear layer of 1000 ImageNet classes, it cannot be used")
    path, last = layers[-1]
    parent, _, leaf = path.rpartition(".")
    setattr(backbone.get_submodule(parent), leaf, nn.Identity())
    return int(last.in_features)
