"""Style, format and types of the whole package, by the tools and settings of pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(("ruff", "check", "--no-cache", "."), id="style"),
        pytest.param(("ruff", "format", "--no-cache", "--check", "."), id="format"),
        pytest.param(("mypy",), id="types", marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_the_tools_find_nothing(tool):
    """What they print is the finding."""
    done = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
