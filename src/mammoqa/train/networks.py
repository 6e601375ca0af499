"""The networks: patch, kind and size in, two logits (present, abnormal) out.

Every network has the same call, `network(patches [n, 1, size, size], kind [n, 3] one-hot, log_size [n]) -> [n, 2]`.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mammoqa.core import ConfigurationError, MissingExtraError
from mammoqa.models.card import KINDS, OUTPUTS

COMPACT = "mammoqa_compact"
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


class Compact(nn.Module):
    """The small network that ships: a stem, four residual blocks, modulation by kind and size, a two-layer head.

    About 100 million multiplications for a 160 x 160 patch and 0.6 million parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        context = len(KINDS) + 1
        self.early = nn.Sequential(
            ConvNorm(1, 16, 5, stride=2),  # 80 x 80; specks of 0.16 mm are 1.6 pixels of the patch
            Residual(16, 32, stride=2),  # 40 x 40
            Residual(32, 64, stride=2),  # 20 x 20
        )
        self.film = Film(context, 64)
        self.late = nn.Sequential(
            Residual(64, 128, stride=2),  # 10 x 10
            Residual(128, 128),  # sees the whole patch
        )
        self.pool = MeanAndMax()
        self.head = nn.Sequential(
            nn.Linear(2 * 128 + context, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, len(OUTPUTS))
        )

    def forward(self, patches: Tensor, kind: Tensor, log_size: Tensor) -> Tensor:
        """Logits [n, 2]."""
        context = torch.cat([kind, log_size[:, None]], dim=1)
        features = self.pool(self.late(self.film(self.early(patches), context)))
        logits: Tensor = self.head(torch.cat([features, context], dim=1))
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
    """A network by name: `mammoqa_compact`, or any classifier of torchvision such as `efficientnet_v2_l`.

    Args:
        name: the network.
        pretrained: torchvision networks start from their default (ImageNet) weights.

    Raises:
        MissingExtraError: a torchvision network is wanted and torchvision is missing or does not fit torch.
        ConfigurationError: no network has that name.
    """
    if name == COMPACT:
        return Compact()
    models = _torchvision_models()
    if name not in models.list_models(module=models):
        raise ConfigurationError(f"no network named {name!r}; use {COMPACT} or a classifier of torchvision.models")
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
