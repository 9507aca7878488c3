"""Fixtures shared by all rooms."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the program does, before torch is imported
if "PYTEST_XDIST_WORKER" in os.environ:  # one process a core: threads would only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real scans and oracle files that are not part of the project; tests that need them skip without them."""
    root = Path(os.environ.get("ALIGN3D_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not root.is_dir():
        pytest.skip("the real scans are not beside this checkout (set ALIGN3D_TEST_DATA to their folder)")
    return root
