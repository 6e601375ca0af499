"""Augmentations keep shape, label-relevant content and repeatability."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'mammoqa[train]'")

from mammoqa.train.augment import Augmentation, augment  # noqa: E402

NOTHING = Augmentation(False, False, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def _batch(n=32, size=40):
    rng = torch.Generator().manual_seed(0)
    return torch.randn(n, 1, size, size, generator=rng), torch.zeros(n)


def test_nothing_changes_when_all_is_off():
    patches, sizes = _batch()
    out, log_size = augment(patches, sizes, NOTHING, torch.Generator().manual_seed(1))
    assert torch.equal(out, patches)
    assert torch.equal(log_size, sizes)


def test_flips_and_transposes_keep_the_set_of_pixels():
    patches, sizes = _batch()
    turned = Augmentation(True, True, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    out, _ = augment(patches, sizes, turned, torch.Generator().manual_seed(1))
    assert torch.equal(out.flatten(1).sort().values, patches.flatten(1).sort().values)
    kinds = {tuple(torch.isclose(a, b).all().item() for b in _symmetries(p)) for a, p in zip(out, patches, strict=True)}
    assert len(kinds) == 8  # all symmetries of the square occur


def _symmetries(patch):
    return [q.flip(dims) for q in (patch, patch.transpose(1, 2)) for dims in ((), (1,), (2,), (1, 2))]


def test_an_object_stays_within_the_shift():
    patches = torch.zeros(32, 1, 41, 41)
    patches[:, :, 20, 20] = 1
    shifted = Augmentation(True, True, 5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    out, _ = augment(patches, torch.zeros(32), shifted, torch.Generator().manual_seed(2))
    where = out[:, 0].nonzero()[:, 1:] - 20
    assert len(where) == 32
    assert where.abs().max() == 5


def test_the_default_keeps_the_noise_level_and_repeats():
    patches, sizes = _batch(64, 80)
    first = augment(patches, sizes, Augmentation(), torch.Generator().manual_seed(3))
    again = augment(patches, sizes, Augmentation(), torch.Generator().manual_seed(3))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert first[0].shape == patches.shape
    assert float(first[0].std()) == pytest.approx(1.0, abs=0.12)
    assert float(first[1].std()) == pytest.approx(0.5, abs=0.15)
