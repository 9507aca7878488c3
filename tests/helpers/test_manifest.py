"""A file is what is stated about it, by its sidecar, by the manifest beside it or by the hub's cache."""

import os

import pytest
import torch
from safetensors.torch import save_file

from align3d_cli.errors import UsageError, WeightsRejected
from align3d_cli.helpers.digest import digest_of_bytes, sha256_of
from align3d_cli.helpers.manifest import MANIFEST, read_manifest, require_stated, sidecar_of, stated, write_manifest


@pytest.fixture
def file(tmp_path):
    """A safetensors file that nobody has said anything about."""
    path = tmp_path / "m.safetensors"
    save_file({"a": torch.ones(3)}, path)
    return path


def test_a_file_nobody_stated_anything_about_passes(file):
    """Unknown is no fault; asked to, its hash is noted and held to ever after."""
    assert stated(file) is None
    require_stated(file)
    require_stated(file, note=True)
    assert stated(file).trust == "first use" and stated(file).sha256 == sha256_of(file)
    file.write_bytes(b"another")
    with pytest.raises(WeightsRejected, match=r"m\.safetensors: SHA-256 .* is not the .* of m\.safetensors\.sha256"):
        require_stated(file, note=True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="no folder is closed to root")
def test_a_closed_folder_stays_as_it_is(file):
    """Where the hash cannot be noted, the file is used all the same."""
    file.parent.chmod(0o500)
    require_stated(file, note=True)
    assert stated(file) is None


def test_a_manifest_states_size_and_hash(file):
    """What `align3d weights manifest` wrote is read back; another size or hash is refused, licences are required."""
    with pytest.raises(UsageError, match="--licence and --source"):
        write_manifest(file.parent)
    write_manifest(file.parent, licence="MIT", source="a test")
    known = stated(file)
    assert (known.trust, known.licence, known.source) == ("manifest", "MIT", "a test")
    assert known.n_bytes == file.stat().st_size
    require_stated(file)
    data = file.read_bytes()
    file.write_bytes(data[:-1] + b"\0")
    with pytest.raises(WeightsRejected, match=r"SHA-256 .* of manifest\.json"):
        require_stated(file)
    file.write_bytes(data[:-1])
    with pytest.raises(WeightsRejected, match="bytes is not the"):
        require_stated(file)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": []}', '{"files": {"m": 3}}', "\xff"])
def test_a_manifest_that_is_none_is_refused(file, text):
    """A statement that is there counts, so one that cannot be read is told."""
    (file.parent / MANIFEST).write_bytes(text.encode("latin-1"))
    with pytest.raises(WeightsRejected, match=r"manifest\.json: "):
        read_manifest(file.parent)


@pytest.mark.parametrize("entry", ['{"sha256": 3}', '{"sha256": "short"}', '{"sha256": "%s", "bytes": "x"}'])
def test_an_entry_without_a_whole_hash_is_refused(file, entry):
    """Half a statement is none."""
    text = '{"files": {"m.safetensors": ENTRY}}'.replace("ENTRY", entry.replace("%s", "0" * 64))
    (file.parent / MANIFEST).write_text(text)
    with pytest.raises(WeightsRejected, match="without a whole SHA-256"):
        stated(file)


def test_the_hub_names_files_by_their_hash(file):
    """A link into the hub's cache states the hash of what it points to."""
    digest = digest_of_bytes(file.read_bytes())
    blob = file.rename(file.with_name(digest))
    link = blob.with_name("open_clip_model.safetensors")
    link.symlink_to(blob)
    assert (stated(link).sha256, stated(link).trust) == (digest, "hub")
    assert sidecar_of(link).name == "open_clip_model.safetensors.sha256"
    require_stated(link)
