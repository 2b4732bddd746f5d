"""The batched metrics against the functions for one frame."""

import warnings

import numpy as np
import pytest
import torch

from avsal import metrics
from avsal.metrics import ConstantMapWarning, MapError, batch
from avsal.metrics.batch.areas import _count_by_edges, _count_by_row

B, H, W, N, K = 7, 40, 60, 12, 50
KINDS = [np.float64, np.float32, np.uint8]
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5, np.uint8: 1e-5}
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return request.param


def make_batch(kind, seed: int = 1) -> dict[str, np.ndarray]:
    """Frames of every sort: smooth, tied, constant, with zeros, without fixations, without density."""
    generator = np.random.default_rng(seed)
    saliency = generator.random((B, H, W)) ** 3
    saliency[1] = np.round(saliency[1] * 5)
    saliency[2] = 0.37
    saliency[3][saliency[3] < 0.4] = 0
    saliency[6] = 0
    if kind is np.uint8:
        saliency *= 40
    density = generator.random((B, H, W)) ** 8
    density[5] = 0
    mask = generator.random((B, N)) < 0.8
    mask[4] = False
    mask[5] = np.arange(N) == 3
    points = generator.integers(0, 30, (B, N, 2))
    points[0, 1] = points[0, 0]
    points[3, 5] = points[3, 6]
    others_mask = generator.random((B, K)) < 0.7
    others_mask[0] = False
    return {
        "saliency": saliency.astype(kind),
        "density": density.astype(np.float32 if kind is np.uint8 else kind),
        "baseline": generator.random((B, H, W)) + 0.1,
        "points": points,
        "mask": mask,
        "others": generator.integers(0, 40, (B, K, 2)),
        "others_mask": others_mask,
    }


CALLS = {
    "nss": lambda b, f: batch.nss(b["saliency"], b["points"], b["mask"], f),
    "cc": lambda b, f: batch.cc(b["saliency"], b["density"]),
    "sim": lambda b, f: batch.sim(b["saliency"], b["density"], f),
    "kl": lambda b, f: batch.kl_divergence(b["saliency"], b["density"], f),
    "auc_judd": lambda b, f: batch.auc_judd(b["saliency"], b["points"], b["mask"], f),
    "auc_borji": lambda b, f: batch.auc_borji(b["saliency"], b["points"], b["mask"]),
    "s_auc": lambda b, f: batch.shuffled_auc(
        b["saliency"], b["points"], b["mask"], b["others"], b["others_mask"], f
    ),
    "ig": lambda b, f: batch.information_gain(b["saliency"], b["points"], b["mask"], b["baseline"], f),
}
PLAIN = {
    "nss": lambda s, p, o, d, b, f: metrics.nss(s, p, f),
    "cc": lambda s, p, o, d, b, f: metrics.cc(s, d),
    "sim": lambda s, p, o, d, b, f: metrics.sim(s, d, f),
    "kl": lambda s, p, o, d, b, f: metrics.kl_divergence(s, d, f),
    "auc_judd": lambda s, p, o, d, b, f: metrics.auc_judd(s, p, f),
    "auc_borji": lambda s, p, o, d, b, f: metrics.auc_borji(s, p),
    "s_auc": lambda s, p, o, d, b, f: metrics.shuffled_auc(s, p, o, f),
    "ig": lambda s, p, o, d, b, f: metrics.information_gain(s, p, b, f),
}


def tensors(arrays: dict[str, np.ndarray], device: str = "cpu") -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


@pytest.mark.filterwarnings("ignore::avsal.metrics.ConstantMapWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", ["exact", "mit"])
@pytest.mark.parametrize("metric", CALLS)
def test_a_batch_gives_the_values_of_its_frames_undefined_ones_included(metric, family, kind, device):
    arrays = make_batch(kind)
    found = CALLS[metric](tensors(arrays, device), family).cpu().double().numpy()
    expected = [
        PLAIN[metric](
            arrays["saliency"][i],
            tuple(arrays["points"][i][arrays["mask"][i]].T),
            tuple(arrays["others"][i][arrays["others_mask"][i]].T),
            arrays["density"][i],
            arrays["baseline"][i],
            family,
        )
        for i in range(B)
    ]
    assert np.isnan(expected).sum() == (2 if metric in {"auc_borji", "s_auc"} else 1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[kind])


@pytest.mark.filterwarnings("ignore::avsal.metrics.ConstantMapWarning")
@pytest.mark.parametrize("metric", CALLS)
def test_leading_dimensions_are_kept(metric):
    arrays = tensors(make_batch(np.float64))
    flat = CALLS[metric](arrays, "mit")
    clips = {name: tensor[:6].unflatten(0, (2, 3)) for name, tensor in arrays.items()}
    torch.testing.assert_close(CALLS[metric](clips, "mit"), flat[:6].reshape(2, 3), equal_nan=True)
    single = {name: tensor[3] for name, tensor in arrays.items()}
    torch.testing.assert_close(CALLS[metric](single, "mit"), flat[3], equal_nan=True)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_ranks_by_look_up_are_those_of_the_function_for_one_frame(kind, device):
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(5, 9000, generator=generator, dtype=kind) - 0.3
    values[1] = (values[1] * 4).round()
    values[2] = 0.37
    values[3, 100:] = -torch.inf
    values[4, 0] = 1e30
    thresholds, valid = (
        torch.cat([values[:, :18], values[:, :2] + 3], dim=1),
        torch.rand(5, 20, generator=generator) < 0.7,
    )
    by_row = _count_by_row(values, thresholds, valid)
    by_edges = _count_by_edges(values.to(device), thresholds.to(device), valid.to(device))
    for row_counts, edge_counts in zip(by_row, by_edges, strict=True):
        assert torch.equal(row_counts[valid], edge_counts.cpu()[valid])


def test_padding_and_its_length_change_nothing():
    arrays = tensors(make_batch(np.float64))
    del arrays["baseline"]
    wide = dict(arrays)
    wide["points"] = torch.cat([arrays["points"], torch.zeros(B, 30, 2, dtype=torch.long)], dim=1)
    wide["mask"] = torch.cat([arrays["mask"], torch.zeros(B, 30, dtype=torch.bool)], dim=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantMapWarning)
        for metric in ("nss", "auc_judd", "auc_borji", "s_auc"):
            for family in ("exact", "mit"):
                torch.testing.assert_close(
                    CALLS[metric](wide, family), CALLS[metric](arrays, family), equal_nan=True
                )


def test_a_batch_without_any_fixation_is_all_undefined():
    maps = torch.rand(2, 8, 9)
    none, mask = torch.zeros(2, 0, 2, dtype=torch.long), torch.zeros(2, 0, dtype=torch.bool)
    for family in ("exact", "mit"):
        assert batch.nss(maps, none, mask, family).isnan().all()
        assert batch.auc_judd(maps, none, mask, family).isnan().all()
        assert batch.shuffled_auc(maps, none, mask, none, mask, family).isnan().all()
        assert batch.information_gain(maps, none, mask, torch.ones(2, 8, 9), family).isnan().all()


def test_resizing_is_that_of_the_function_for_one_frame(device):
    maps = np.random.default_rng(0).random((2, 3, 48, 88)).astype(np.float32)
    for size in ((90, 160), (20, 31), (48, 88)):
        resized = batch.resize_maps(torch.from_numpy(maps).to(device), size)
        assert resized.dtype == torch.float32
        expected = np.stack([[metrics.resize_map(one, size) for one in clip] for clip in maps])
        np.testing.assert_allclose(resized.cpu(), expected, atol=1e-6)


def test_half_precision_is_raised_to_single():
    maps, density = torch.rand(2, 8, 9), torch.rand(2, 8, 9)
    for kind in (torch.float16, torch.bfloat16):
        found = batch.cc(maps.to(kind), density)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, batch.cc(maps.to(kind).float(), density))


def test_constant_maps_are_counted_in_the_warning():
    maps = torch.rand(3, 8, 9)
    maps[1] = 2
    with pytest.warns(ConstantMapWarning, match="1 of 3 predictions are constant"):
        batch.cc(maps, torch.rand(3, 8, 9))


def test_maps_that_cannot_be_scored_are_named_by_their_place():
    maps, density = torch.rand(2, 3, 8, 9), torch.rand(2, 3, 8, 9)
    points, mask = torch.zeros(2, 3, 1, 2, dtype=torch.long), torch.ones(2, 3, 1, dtype=torch.bool)
    broken = maps.clone()
    broken[1, 2, 4, 4] = torch.nan
    with pytest.raises(MapError, match=r"`saliency` must be finite but is not at \[1, 2\] of the batch"):
        batch.auc_judd(broken, points, mask)
    with pytest.raises(MapError, match=r"`density` must be finite but is not at \[1, 2\]"):
        batch.cc(maps, broken)
    negative = maps.clone()
    negative[0, 1, 2, 2] = -1
    with pytest.raises(MapError, match=r"`saliency` must be non-negative but is not at \[0, 1\]"):
        batch.kl_divergence(negative, density)
    with pytest.raises(MapError, match=r"finite but is not at \[\] of the batch"):
        batch.cc(broken[1, 2], density[1, 2])
    with pytest.raises(MapError, match="`baseline` must be positive wherever somebody looked"):
        batch.information_gain(maps, points, mask, torch.eye(8, 9).flip(1).expand(2, 3, 8, 9))


def test_wrong_shapes_and_types_are_refused():
    maps = torch.rand(2, 8, 9)
    points, mask = torch.zeros(2, 4, 2, dtype=torch.long), torch.ones(2, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"must have the prediction's shape \(2, 8, 9\)"):
        batch.cc(maps, torch.rand(2, 9, 8))
    with pytest.raises(ValueError, match=r"\(\.\.\., N, 2\) and \(\.\.\., N\) but are"):
        batch.nss(maps, points, mask[:, :3])
    with pytest.raises(ValueError, match="pixel indices with a boolean mask"):
        batch.nss(maps, points.float(), mask)
    with pytest.raises(ValueError, match="must belong to 2 maps but belong to 1"):
        batch.nss(maps, points[:1], mask[:1])
    with pytest.raises(ValueError, match=r"must lie inside \(8, 9\), padding too"):
        batch.nss(maps, points + 8, mask)
    with pytest.raises(ValueError, match=r"must be \(\.\.\., H, W\)"):
        batch.nss(torch.rand(5), points, mask)


def test_no_gradient_passes_through_a_metric():
    maps = torch.rand(2, 8, 9, requires_grad=True)
    points, mask = torch.zeros(2, 4, 2, dtype=torch.long), torch.ones(2, 4, dtype=torch.bool)
    assert not batch.cc(maps, torch.rand(2, 8, 9)).requires_grad
    assert not batch.auc_judd(maps, points, mask).requires_grad
