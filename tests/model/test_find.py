"""What is no model is told in words that help, before torch is loaded."""

import subprocess
import sys

import pytest

from align3d_cli.errors import EnvironmentMissing
from align3d_cli.model.find import find_model, installed

LOADS = """
import sys
from align3d_cli.model.find import find_model
try:
    find_model("align3d-lit")
finally:
    print("torch" in sys.modules)
"""


def test_what_is_installed_is_found_by_name_and_by_path():
    """The shipped model is among the names, and its path is itself."""
    path = find_model("align3d-lite")
    assert "align3d-lite" in installed()
    assert find_model(path) == path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "align3d-lit",
            "model 'align3d-lit' is not installed; did you mean align3d-lite? `align3d weights list` shows what is",
        ),
        ("zebra", "model 'zebra' is not installed; `align3d weights list` shows what is"),
        ("g.ply", "g.ply: is a scan, not a model; name an installed model or a .safetensors file"),
        ("no.safetensors", "no.safetensors: no such model file; `align3d weights list` shows what is installed"),
    ],
)
def test_what_is_no_model_is_told(name, told):
    """A name that is nearly right, one that is not, a scan, and a file that is not there."""
    with pytest.raises(EnvironmentMissing) as caught:
        find_model(name)
    assert str(caught.value) == told


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".safetensors", "a/" + "x" * 300])
def test_names_too_long_for_a_file_are_told(name):
    """Where the file system takes no such name there is no such model."""
    with pytest.raises(EnvironmentMissing):
        find_model(name)


def test_torch_is_not_needed_to_find_none():
    """A process that finds no model has not loaded torch."""
    done = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=False)
    assert done.stdout == "False\n"
