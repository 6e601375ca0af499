"""The single-image reading as a network: matched filters' answers to a curve with its variance.

Three parts, one after the other, of which the first two know how a contrast-detail phantom works:

1. A small network, the same for every cell, that looks at what the noise is like (how far answers scatter where no disc
   is, within a cell and from cell to cell, by diameter) and says how much of the background's answers to take off each
   disc's, and how well to trust it. The unit of answers is their scatter within a cell: what all corners share does
   not decide between them.
2. A psychometric layer: the answer to a disc grows as its contrast c, exp(k) c, with one k for each diameter. A prior
   (a Gaussian with few directions, learned, and smooth and rough departures from them, as wide as the training finds
   them) says which k belong together; the k of an image are those of the largest posterior, found by a fixed number of
   steps of Fisher scoring, with their covariance.
3. A convention layer from ln thresholds, where d' is 1.235, to the human curve of the conventional reading: linear, and
   a small network for what is not.

Everything is made of operators that ONNX has, so that forward and gradient graph can be exported.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mammoqa.stats.psychometric import GOLD_PER_UM, THRESHOLD_DETECTABILITY

EMPTY = 20
CONDITIONS = 7
_LARGE_ROW, _SMALL_ROW = 3, 13  # 1.0 and 0.1 mm: the scatter of large and small discs' answers
_MOST = 0.7  # of the contrast: 6 um of gold, far beyond the phantom
_FAINT = 0.3  # detectability per contrast: far below what any unit shows
_STEPS, _STEP_SIZE = 4, 0.3  # of Fisher scoring, and the largest one in ln detectability
_LEAST = 1e-3
_MIDDLE = -3.4  # about what ln of a threshold in um times its diameter in mm is
_DEPARTURE, _ROUGH = 0.15, 0.03  # smooth departures and each diameter's own, in ln, before the training (choices)
GROUPS_MM = ((0.09, 0.17), (0.19, 0.45), (0.45, 1.1))  # diameters that the fingerprint takes together


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What the network knows of the phantom: the row of each cell, where its discs are, and where there is no room."""

    rows: Int[np.ndarray, " cells"]
    corners: Int[np.ndarray, " cells"]
    room: Float[np.ndarray, "cells 20"]
    diameters_mm: Float[np.ndarray, " rows"]


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Where training begins: the mean and main directions of ln detectability per contrast, and the convention."""

    mean: Float[np.ndarray, " rows"]
    directions: Float[np.ndarray, "rows q"]
    turn: Float[np.ndarray, "k rows"]
    offset: Float[np.ndarray, " k"]


class CellsNetwork(nn.Module):
    """All members at once. Inputs [n, ...] or, in training, [members, n, ...]; results [members, n, ...].

    answers [n, cells, 25] are those of the five places and then of the empty ones (0 where there is no room), rings
    [n, cells, 5], contrast [n, cells]; scale [n, 2] holds ln of the pixels per mm and of the filter's blur in pixels.
    Curves are ln um.
    """

    def __init__(self, layout: Layout, starts: list[Start], hidden: int = 16, bent: int = 32) -> None:
        super().__init__()
        members, points = len(starts), len(starts[0].offset)
        for name, value in _constants(layout).items():
            self.register_buffer(name, torch.tensor(value, dtype=torch.float32))
        self.of_row: Tensor
        self.true: Tensor
        self.everywhere: Tensor
        self.empty: Tensor
        self.smooth: Tensor
        self.log_d: Tensor
        self.groups: Tensor
        self.end_rows: Tensor
        self.powers: Tensor
        self.cell_shares: Tensor
        rows = len(layout.diameters_mm)
        self.first = nn.Parameter(0.4 * torch.randn(members, CONDITIONS, hidden))
        self.first_offset = nn.Parameter(torch.zeros(members, 1, 1, hidden))
        self.second = nn.Parameter(0.01 * torch.randn(members, 1, hidden, 4))  # begins as the filter, noise as measured
        self.second_offset = nn.Parameter(torch.zeros(members, 1, 1, 4))
        self.prior_mean = nn.Parameter(_stack([s.mean for s in starts])[:, None])
        self.log_smooth = nn.Parameter(torch.full((members, 1, self.powers.shape[1]), float(np.log(_DEPARTURE))))
        self.log_rough = nn.Parameter(torch.full((members, 1, 1), float(np.log(_ROUGH))))
        self.learned = nn.Parameter(_stack([s.directions for s in starts]))
        self.turn = nn.Parameter(_stack([s.turn for s in starts]))
        self.offset = nn.Parameter(_stack([s.offset for s in starts])[:, None])
        self.bent_in = nn.Parameter(torch.randn(members, rows, bent) / rows**0.5)
        self.bent_offset = nn.Parameter(torch.zeros(members, 1, bent))
        self.bent_between = nn.Parameter(torch.randn(members, bent, bent) / bent**0.5)
        self.bent_second = nn.Parameter(torch.zeros(members, 1, bent))
        self.bent_out = nn.Parameter(torch.zeros(members, bent, points))
        self.log_left = nn.Parameter(torch.full((members, 1, points), -7.0))

    def forward(
        self, answers: Tensor, rings: Tensor, contrast: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Curve and its variance [members, n, K], d' of every cell [members, n, cells], fingerprint [members, n, 7]."""
        first, second, log_spread, log_common = self._evidence(answers, rings, contrast, scale)
        log_k, inverse, own = self._posterior(first, second)
        lost = self._lost(log_k)
        depth = -torch.log1p(-lost)
        by_k = self.turn.unsqueeze(1) * (lost / ((1.0 - lost) * depth)).unsqueeze(2)
        along = by_k @ self.directions.unsqueeze(1)
        variance = ((along @ inverse) * along).sum(dim=3) + (by_k**2 @ own.unsqueeze(3)).squeeze(3)
        variance = variance + torch.exp(self.log_left)
        seen = torch.exp(log_k) @ self.of_row * contrast
        return self._curve(log_k), variance, seen, self._fingerprint(first, second, log_spread, log_common)

    def curve(self, answers: Tensor, rings: Tensor, contrast: Tensor, scale: Tensor) -> Tensor:
        """The mean of the members' curves [n, K]."""
        first, second, *_ = self._evidence(answers, rings, contrast, scale)
        return self._curve(self._posterior(first, second)[0]).mean(dim=0)

    def convention(self, log_k: Tensor) -> Tensor:
        """The curves of detectabilities that are known [n, rows], by every member [members, n, K]."""
        return self._curve(log_k.expand(len(self.learned), -1, -1))

    @property
    def directions(self) -> Tensor:
        """Directions of the prior: what the training learned, and smooth departures from that [members, rows, q]."""
        return torch.cat([self.learned, self.powers * torch.exp(self.log_smooth)], dim=2)

    def _lost(self, log_k: Tensor) -> Tensor:
        return (THRESHOLD_DETECTABILITY * torch.exp(-log_k)).clamp(max=_MOST)

    def _curve(self, log_k: Tensor) -> Tensor:
        """The convention: from ln detectability per contrast of each diameter to the human curve."""
        log_t = torch.log(-torch.log1p(-self._lost(log_k)) / GOLD_PER_UM)
        bent = torch.tanh((log_t + self.log_d - _MIDDLE) @ self.bent_in + self.bent_offset)
        bent = torch.tanh(bent @ self.bent_between + self.bent_second) @ self.bent_out
        return log_t @ self.turn.transpose(1, 2) + self.offset + bent

    def _evidence(
        self, answers: Tensor, rings: Tensor, contrast: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What each row says of exp(k), and how far answers scatter where no disc is.

        Sums of answer times contrast, and of contrast squared, over the variance; the scatter within a cell, and by how
        much that from cell to cell adds to it (both ln, smooth over rows); [members, n, rows].
        """
        squares = (answers**2 * self.empty).sum(dim=-1)
        shared = ((answers * self.empty).sum(dim=-1)) ** 2 * self.cell_shares
        number = self.of_row @ self.empty.sum(dim=1)
        within = ((squares - shared) @ self.of_row.T) / (number - self.of_row.sum(dim=1))
        log_spread = 0.5 * torch.log(within + _LEAST) @ self.smooth.T
        log_common = 0.5 * torch.log(squares @ self.of_row.T / number + _LEAST) @ self.smooth.T - log_spread
        told = self._told(scale, log_spread, log_common) @ self.of_row  # members, n, 4, cells
        shares = [(told * _unit(j).unsqueeze(1)).sum(dim=2) for j in range(4)]
        discs = (answers * self.everywhere).sum(dim=-1)
        ring = (rings * self.true).sum(dim=-1)
        beside = (answers * self.empty).sum(dim=-1) / self.empty.sum(dim=1)
        around = rings.mean(dim=-1)
        cleaned = discs - shares[0] * ring - 2.0 * shares[1] * beside - 2.0 * shares[2] * around
        weight = torch.exp(shares[3])
        spread = torch.exp(log_spread) @ self.of_row
        first = (cleaned / spread * contrast * weight) @ self.of_row.T
        return first, (2.0 * contrast**2 * weight) @ self.of_row.T, log_spread, log_common

    def _told(self, scale: Tensor, log_spread: Tensor, log_common: Tensor) -> Tensor:
        """The shared network: of each row, three shares of the background to take off and a log weight."""
        one, other = torch.eye(2)[:, :1], torch.eye(2)[:, 1:]
        ends = log_spread @ self.end_rows
        conditions = (
            self.log_d + 0.0 * log_spread,
            (scale @ one + self.log_d) / 2.0,
            scale @ other + 0.0 * log_spread,
            log_spread,
            ends @ one + 0.0 * log_spread,
            ends @ other + 0.0 * log_spread,
            2.0 * log_common,
        )
        hidden: Tensor = self.first_offset
        for number, condition in enumerate(conditions):
            hidden = hidden + condition.unsqueeze(-1) * self.first[:, number, None, None]
        return (torch.tanh(hidden) @ self.second + self.second_offset).transpose(2, 3)

    def _posterior(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The k of the largest posterior, the covariance of its coordinates, the variance of what each row has alone.

        They are [members, n, rows], [.., q, q] and [members, n, rows]. What a row has alone limits how much it can say
        of the others, and is added in the end. Fisher scoring from what a Gaussian in the logarithm gives. The way
        there is not differentiated: from its end, held fixed, one more step of Newton's has the gradient that the
        largest posterior has.
        """
        held, gold = first.detach(), second.detach()
        back, mean = self.directions.detach(), self.prior_mean.detach()
        alone = torch.exp(2.0 * self.log_rough)
        strength = held.clamp(min=0.0) ** 2 / gold  # rows' own answers, as far as they can be trusted
        strength = strength / (1.0 + alone.detach() * strength)
        apart = torch.log((held / gold).clamp(min=_FAINT)) - mean
        place = (self._inverse(strength, back) * ((strength * apart) @ back).unsqueeze(2)).sum(dim=3)
        for _ in range(_STEPS):
            grown = torch.exp(mean + place @ back.transpose(1, 2))
            trust = 1.0 / (1.0 + alone.detach() * gold * grown**2)
            slope = (trust * (held * grown - gold * grown**2)) @ back - place
            step = (self._inverse(trust * gold * grown**2, back) * slope.unsqueeze(2)).sum(dim=3)
            size = (step @ back.transpose(1, 2)).abs().amax(dim=2, keepdim=True)
            place = place + step * (_STEP_SIZE / size.clamp(min=_STEP_SIZE))
        turned = self.directions.transpose(1, 2)
        grown = torch.exp(self.prior_mean + place @ turned)
        trust = 1.0 / (1.0 + alone * second * grown**2)
        slope = (trust.detach() * (first * grown - second * grown**2)) @ self.directions - place
        known = gold * grown.detach() ** 2
        bend = torch.maximum(2.0 * known - held * grown.detach(), 0.3 * known) * trust.detach()  # exact at a good fit
        step = (self._inverse(bend, back) * slope.unsqueeze(2)).sum(dim=3)
        log_k = self.prior_mean + (place + step) @ turned
        grown = torch.exp(log_k)
        own = alone * trust * (first * grown - second * grown**2)
        return (
            log_k + own.clamp(-_STEP_SIZE, _STEP_SIZE),
            self._inverse(trust * second * grown**2, self.directions),
            (alone * trust),
        )

    def _inverse(self, information: Tensor, directions: Tensor) -> Tensor:
        """Inverse of 1 + B' diag(information) B, by sweeping one pivot after the other."""
        q = directions.shape[2]
        turned = directions.transpose(1, 2).unsqueeze(1)
        made = (turned * information.unsqueeze(2)) @ directions.unsqueeze(1) + torch.eye(q)
        for j in range(q):
            unit = torch.eye(q)[j]
            others = 1.0 - unit
            column = made @ unit
            pivot = (column * unit).sum(dim=2, keepdim=True).unsqueeze(3)
            beside = column * others
            row, across = beside.unsqueeze(2), beside.unsqueeze(3)
            rest = (made - across * row / pivot) * (others[:, None] * others)
            made = rest + (across * unit + unit[:, None] * row - unit[:, None] * unit) / pivot
        return -made

    def _fingerprint(self, first: Tensor, second: Tensor, log_spread: Tensor, log_common: Tensor) -> Tensor:
        """Level of detectability and scatter of three groups of diameters, and what large discs' cells share."""
        grown = torch.exp(self.prior_mean)
        level = ((first * grown) @ self.groups.T) / ((second * grown**2) @ self.groups.T)
        spread = (log_spread @ self.groups.T) / self.groups.sum(dim=1)
        common = (log_common @ self.groups.T) / self.groups.sum(dim=1) @ torch.eye(3)[:, 2:]
        parts = (torch.log(level.clamp(min=0.02)), spread + 0.0 * level, common + 0.0 * level @ torch.ones(3, 1))
        return torch.cat(parts, dim=-1)


def _constants(layout: Layout) -> dict[str, np.ndarray]:
    """What never changes: which cells make a row, where discs are, how scatter is smoothed over rows."""
    count, rows = len(layout.rows), len(layout.diameters_mm)
    true = np.concatenate([np.ones((count, 1)), np.arange(4) == layout.corners[:, None]], axis=1)
    one_hot = (np.arange(rows)[:, None] == layout.rows).astype(float)
    empty = np.concatenate([1.0 - true, layout.room], axis=1)
    log_d = np.log(layout.diameters_mm)
    powers = np.vander((log_d - log_d.mean()) / log_d.std(), 4)
    weight = np.sqrt(one_hot @ empty.sum(axis=1))[:, None]
    return {
        "of_row": one_hot,
        "true": true,
        "everywhere": np.concatenate([true, np.zeros((count, EMPTY))], axis=1),
        "empty": empty,
        "smooth": powers @ np.linalg.pinv(powers * weight) * weight.T,
        "log_d": log_d,
        "groups": np.array([[float(low < d < high) for d in layout.diameters_mm] for low, high in GROUPS_MM]),
        "powers": np.linalg.qr(powers)[0] * np.sqrt(rows),
        "cell_shares": 1.0 / empty.sum(axis=1),
        "end_rows": np.eye(rows)[:, [_LARGE_ROW, _SMALL_ROW]],
    }


def _stack(values: list[Float[np.ndarray, "..."]]) -> Tensor:
    return torch.tensor(np.stack(values), dtype=torch.float32)


def _unit(which: int) -> Tensor:
    return torch.eye(4)[which]


class Answer(nn.Module):
    """What the forward graph gives: curve and variance [n, members, K], d' and fingerprint of the first member."""

    def __init__(self, network: CellsNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, answers: Tensor, rings: Tensor, contrast: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As `CellsNetwork`, images first."""
        curve, variance, seen, prints = self.network(answers, rings, contrast, scale)
        return curve.transpose(0, 1), variance.transpose(0, 1), seen[0], prints[0]
