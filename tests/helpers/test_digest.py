"""Digests are what their sentences say, and stay what stored files were named by."""

import hashlib

import numpy as np
import torch

from align3d_cli.helpers.digest import digest_of_arrays, digest_of_bytes, digest_of_settings, sha256_of


def test_a_file_and_its_bytes_have_one_digest(tmp_path):
    """Of the file, of its bytes at once and of its bytes in parts."""
    (tmp_path / "a").write_bytes(b"abc")
    parts = digest_of_bytes(b"a", memoryview(b"bc"))
    assert sha256_of(tmp_path / "a") == digest_of_bytes(b"abc") == parts == hashlib.sha256(b"abc").hexdigest()


def test_settings_are_hashed_as_sorted_json(tmp_path):
    """The order of keys does not count, the values do; a path counts as its text."""
    wanted = hashlib.sha256(b'{"a": [1, 2.5], "b": null}').hexdigest()
    assert digest_of_settings({"b": None, "a": [1, 2.5]}) == digest_of_settings({"a": (1, 2.5), "b": None}) == wanted
    assert digest_of_settings({"a": [1, 2.5], "b": 0}) != wanted
    assert digest_of_settings([tmp_path]) == digest_of_settings([str(tmp_path)])


def test_arrays_are_hashed_by_name_type_shape_and_bytes():
    """The form that feature stores are found by: a line of words before the bytes of each, names sorted."""
    tensors = {"b": torch.tensor([1.0, 2.0]), "a": torch.tensor([[True]])}
    words = b"a torch.bool (1, 1)\n" + b"\x01" + b"b torch.float32 (2,)\n" + np.float32([1, 2]).tobytes()
    assert digest_of_arrays(tensors) == hashlib.sha256(words).hexdigest()
    array = np.float64([[1, 2], [3, 4]])
    words = b"x float64 (2, 2)\n" + array.T.tobytes()
    assert digest_of_arrays({"x": array.T}) == hashlib.sha256(words).hexdigest()


def test_every_kind_of_tensor_has_a_digest():
    """No numbers, one number, a type that numpy lacks, a gradient, another layout in memory."""
    grown = torch.arange(6.0, requires_grad=True).reshape(2, 3).T
    odd = {"none": torch.zeros(0, 3), "one": torch.tensor(4), "half": torch.ones(2, dtype=torch.bfloat16), "t": grown}
    same = odd | {"t": grown.detach().contiguous()}
    assert digest_of_arrays(odd) == digest_of_arrays(same)
    assert digest_of_arrays(odd) != digest_of_arrays(odd | {"one": torch.tensor(5)})


def test_the_digest_of_arrays_sees_every_byte_and_no_order():
    """One changed weight gives another hash, another order of the same weights does not."""
    state = {"a": torch.zeros(3), "b": torch.ones(2, dtype=torch.int64)}
    other = {"a": torch.tensor([0.0, 0.0, 1e-30]), "b": state["b"]}
    assert digest_of_arrays(state) == digest_of_arrays(dict(reversed(state.items())))
    assert digest_of_arrays(state) != digest_of_arrays(other)
