"""Eigenvalues in closed form are those of a general solver."""

import numpy as np

from align3d_cli.clouds.eigen import smallest_eigenvalues


def test_smallest_eigenvalue_equals_lapack():
    """The closed form agrees with a general solver, also where eigenvalues coincide or vanish."""
    rng = np.random.default_rng(2)
    halves = rng.normal(size=(500, 3, 3)) * rng.lognormal(sigma=2, size=(500, 1, 3))
    matrices = np.concatenate([halves @ halves.transpose(0, 2, 1), np.eye(3)[None], np.diag([1.0, 1, 0])[None]])
    scale = np.abs(matrices).max(axis=(1, 2))
    error = np.abs(smallest_eigenvalues(matrices) - np.linalg.eigvalsh(matrices)[:, 0])
    assert (error / scale).max() < 1e-7
