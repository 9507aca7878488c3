"""What verify says of a file is what a load does with it."""

import json

import open_clip
import pytest
import torch
from safetensors.torch import save, save_file

from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.manifest import write_sidecar
from align3d_cli.hub.installed import inventory, state_of
from align3d_cli.model.bundle import load_bundle, save_bundle
from align3d_cli.model.find import find_model
from align3d_cli.model.header import METADATA_KEY


def test_the_shipped_files_are_verified():
    """The model and the trunk are what the manifest says, and load."""
    for name in ("align3d-lite", "imagenet-lite0"):
        assert state_of(find_model(name)) == ("verified", "as manifest (manifest.json)")


@pytest.mark.parametrize("how", ["format", "views", "text", "aligner", "tower", "cut"])
def test_a_model_that_no_load_takes_is_damaged(tmp_path, how):
    """Although its hash is the noted one: another format, settings that are none, tensors that do not fit."""
    bundle, path = load_bundle(), tmp_path / "m.safetensors"
    if how in ("text", "aligner", "tower"):
        key = {"text": "text.rgb", "aligner": "aligner.local_mlp.output.bias", "tower": "encoder.to_token.weight"}[how]
        bundle.tensors[key] = torch.zeros(3, 2)
    save_bundle(path, bundle)
    data = path.read_bytes()
    if how == "format":
        data = data.replace(b'\\"format\\": 1', b'\\"format\\": 7')
    if how == "views":
        data = data.replace(b'\\"size_px\\"', b'\\"size_qx\\"')
    path.write_bytes(data[:-1] if how == "cut" else data)
    write_sidecar(path, sha256_of(path), {"trust": "given"})
    state, detail = state_of(path)
    assert state == "damaged" and str(path) in detail and "\n" not in detail


def test_weights_under_the_name_of_an_open_clip_model_must_fit_it(tmp_path):
    """A whole file of another model, put under the name by hand, is damaged: no load takes it."""
    path = tmp_path / "RN50.openai.safetensors"
    save_file({"visual.weight": torch.zeros(2)}, path)
    state, detail = state_of(path)
    assert state == "damaged" and "not weights of this tower" in detail
    path.write_bytes(b"noise")
    assert state_of(path)[0] == "damaged"


def test_a_model_without_its_clip_is_incomplete(tmp_path, monkeypatch):
    """Nothing is wrong with the file; the weights it stands on are not here."""
    monkeypatch.setenv("ALIGN3D_CACHE", str(tmp_path / "cache"))
    settings = {"format": 1, "name": "m", "encoder": {"name": "RN50"}, "record": {}}
    settings |= {"views": {}, "scoring": {}, "calibration": {}}
    path = tmp_path / "m.safetensors"
    path.write_bytes(save({"text.rendering": torch.zeros(2, 4)}, {METADATA_KEY: json.dumps(settings)}))
    state, detail = state_of(path)
    assert state == "incomplete" and "align3d weights fetch RN50" in detail


def test_other_tensors_are_read_whole(tmp_path):
    """A file that is no model and of no known name counts as long as it can be read."""
    path = tmp_path / "trunk.safetensors"
    save_file({"stem": torch.zeros(8)}, path)
    assert state_of(path)[0] == "unstated"
    path.write_bytes(path.read_bytes()[:-1])
    assert state_of(path)[0] == "damaged"
    assert inventory([tmp_path, tmp_path / "absent"]) == [path]


def test_every_open_clip_file_has_a_name_that_is_taken_apart():
    """Names of models and tags hold no dot, so that the first one parts them."""
    assert not [name for name in open_clip.list_models() if "." in name]
