"""Small feature stores made of numbers instead of scans: the loops read stores, whoever filled them."""

import numpy as np
import pytest
import torch

from align3d_cli.encoders.encoder import EncoderSpec
from align3d_cli.training.features import FeatureStore
from align3d_cli.training.sample_features import SampleFeatures

VIEWS, ROWS, DIM, SIZE = 3, 4, 16, 16
TOKENS = 1 + ROWS * ROWS


def unit(values: np.ndarray) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.from_numpy(values).float(), dim=-1)


def made_sample(rng: np.random.Generator, anomalous: bool, points: int = 200, rgb: bool = True) -> SampleFeatures:
    """Features in which one direction of the embedding says defect; a defect covers one patch in two of three views.

    The coloured views' features are a fixed turn of the rendering ones, so there is something to align.
    """
    good, bad = np.eye(DIM)[0], np.eye(DIM)[1]
    tokens = good + rng.normal(scale=0.15, size=(VIEWS, TOKENS, DIM))
    pooled = good + rng.normal(scale=0.1, size=(VIEWS, DIM))
    masks = np.zeros((VIEWS, SIZE, SIZE), bool)
    if anomalous:
        row, column = rng.integers(ROWS, size=2)
        step = SIZE // ROWS
        masks[:2, row * step : (row + 1) * step, column * step : (column + 1) * step] = True
        tokens[:2, 1 + row * ROWS + column] += bad - good
        pooled[:2] += bad - good
    turn = np.linalg.qr(np.random.default_rng(7).normal(size=(DIM, DIM)))[0]
    pixel = rng.integers(SIZE * SIZE, size=points)
    visible = rng.random((VIEWS, points)) < 0.8
    visible[:, 0] = False
    return SampleFeatures(
        render_global=unit(pooled),
        render_tokens=unit(tokens),
        rgb_global=unit(pooled @ turn) if rgb else None,
        rgb_tokens=unit(tokens @ turn) if rgb else None,
        view_masks=torch.from_numpy(masks),
        view_labels=torch.from_numpy(masks.any(axis=(1, 2))),
        label=anomalous,
        pixel_of_point=torch.from_numpy(np.tile(pixel, (VIEWS, 1)).astype(np.int32)),
        visible=torch.from_numpy(visible),
        defect=torch.from_numpy(masks[0].ravel()[pixel]),
    )


def filled_store(folder, n: int = 12, seed: int = 0, **options) -> tuple[FeatureStore, list[str]]:
    """A store of n samples, every second one with a defect."""
    store, rng = FeatureStore(folder, {"made": "of numbers", "seed": seed}), np.random.default_rng(seed)
    names = [f"part/{'bad' if i % 2 else 'good'}/{i:03d}" for i in range(n)]
    for i, name in enumerate(names):
        store.put(name, made_sample(rng, bool(i % 2), **options))
    return store, names


@pytest.fixture(scope="session")
def spec() -> EncoderSpec:
    """What the made features look like to the losses."""
    return EncoderSpec("made", "grey", SIZE, DIM, (ROWS, ROWS), True, (0.5,) * 3, (0.5,) * 3)


@pytest.fixture(scope="session")
def fill_store():
    """fill_store(folder, n=12, seed=0, points=200, rgb=True) -> (store, names)"""
    return filled_store


@pytest.fixture(scope="session")
def store_and_names(tmp_path_factory):
    """Twelve samples, six with a defect; tests only read it."""
    return filled_store(tmp_path_factory.mktemp("store"))
