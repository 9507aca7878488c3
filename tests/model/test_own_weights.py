"""CLIP weights of one's own belong to a model by their hash, wherever they lie."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from align3d_cli.errors import EnvironmentMissing, WeightsRejected
from align3d_cli.model.bundle import Bundle, load_bundle, save_bundle
from align3d_cli.model.own_weights import name_weights, weights_of
from align3d_cli.model.parts import bundle_encoder
from align3d_cli.model.start import text_tower_of


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no word about weights from outside."""
    monkeypatch.setenv("ALIGN3D_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ALIGN3D_WEIGHTS", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def made(cache, tmp_path, tiny_file, tiny_config):
    """A model that was made with a file of weights, as another machine gets it: the file it was made with is gone."""
    clip = tmp_path / "elsewhere" / "clip.safetensors"
    clip.parent.mkdir()
    shutil.copy(tiny_file, clip)
    encoder = {"name": "tiny", "config": tiny_config, "settings": {"vv_blocks": 2}} | name_weights(clip)
    path = tmp_path / "models" / "m.safetensors"
    save_bundle(path, Bundle("m", encoder, {}))
    clip.unlink()
    return load_bundle(path)


def test_a_model_names_its_weights_by_name_and_hash(made):
    """No path of the maker's machine is in the file."""
    assert made.encoder["weights"] == "clip.safetensors" and len(made.encoder["weights_sha256"]) == 64
    assert b"elsewhere" not in made.path.read_bytes()


def test_the_weights_lie_where_they_lay_on_the_machine_that_made_the_model(made, tmp_path, tiny_file, images):
    """The place is noted in this machine's cache, so the model runs here without another word."""
    shutil.copy(tiny_file, tmp_path / "elsewhere" / "clip.safetensors")
    assert weights_of(made) == (tmp_path / "elsewhere" / "clip.safetensors").resolve()
    assert bundle_encoder(made, "cpu")(images)[0].shape == (3, 24)
    assert text_tower_of(made)["weights"] == weights_of(made)


@pytest.mark.parametrize("place", ["beside the model", "in the cache", "given as a file", "given as a folder"])
def test_the_weights_are_found_by_name(made, tmp_path, cache, tiny_file, monkeypatch, place):
    """Beside the model, among fetched weights, or where ALIGN3D_WEIGHTS says; a named file may have any name."""
    folder = {"beside the model": made.path.parent, "in the cache": cache}.get(place, tmp_path / "given")
    folder.mkdir(exist_ok=True)
    path = folder / ("other-name.safetensors" if place == "given as a file" else "clip.safetensors")
    shutil.copy(tiny_file, path)
    if place.startswith("given"):
        monkeypatch.setenv("ALIGN3D_WEIGHTS", str(path if place.endswith("file") else folder))
    assert weights_of(made) == path


def test_another_file_of_that_name_is_refused(made, tmp_path, tiny_file, monkeypatch):
    """Another CLIP would score in silence: exit code 5, unless the right file lies in another of the places."""
    other = made.path.with_name("clip.safetensors")
    other.write_bytes(tiny_file.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(WeightsRejected, match=r"clip\.safetensors: SHA-256 is not the .*ALIGN3D_WEIGHTS") as caught:
        bundle_encoder(made, "cpu")
    assert caught.value.exit_code == 5
    shutil.copy(tiny_file, tmp_path / "elsewhere" / "clip.safetensors")
    assert weights_of(made) == (tmp_path / "elsewhere" / "clip.safetensors").resolve()
    monkeypatch.setenv("ALIGN3D_WEIGHTS", str(other))
    with pytest.raises(WeightsRejected, match="SHA-256 is not"):
        weights_of(made)


def test_weights_that_are_nowhere_are_told_by_name_and_hash(made, cache):
    """Exit code 5 with the file's name, its hash and where to put it."""
    with pytest.raises(EnvironmentMissing) as caught:
        bundle_encoder(made, "cpu")
    for part in ("clip.safetensors", made.encoder["weights_sha256"], str(cache), "ALIGN3D_WEIGHTS"):
        assert part in str(caught.value)
    with pytest.raises(EnvironmentMissing, match="no such weights file"):
        name_weights(Path("absent.safetensors"))


def test_a_path_in_the_name_is_no_way_out_of_the_places(made, cache, tiny_file):
    """A model from elsewhere names a file, not a place on this machine."""
    shutil.copy(tiny_file, cache.parent / "clip.safetensors")
    astray = replace(made, encoder=made.encoder | {"weights": str(cache.parent / "clip.safetensors")})
    with pytest.raises(EnvironmentMissing):
        weights_of(astray)


def test_a_model_with_a_path_and_no_hash_loads_with_a_warning(cache, tiny_file, tiny_config, images):
    """Models that name a path still run; that nothing is checked is said."""
    model = Bundle("old", {"name": "tiny", "config": tiny_config, "settings": {}, "weights": str(tiny_file)}, {})
    with pytest.warns(UserWarning, match=r"old: names its CLIP weights by a path alone, so \S+ is not checked"):
        assert bundle_encoder(model, "cpu")(images)[0].shape == (3, 24)
