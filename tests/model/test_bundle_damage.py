"""Whatever a model file says, loading it ends in a model or in one line: never in an exception of another kind.

Mutants of the shipped model: its header's JSON changed at one to three places, its tensors renamed, cut or reshaped.
"""

import copy
import json
import random
import struct

import pytest

from align3d_cli.errors import EnvironmentMissing, UsageError, WeightsRejected
from align3d_cli.model.bundle import load_bundle
from align3d_cli.model.find import find_model
from align3d_cli.model.header import METADATA_KEY
from align3d_cli.model.parts import bundle_aligner, bundle_encoder, check_fit

REFUSED = (EnvironmentMissing, UsageError, WeightsRejected)
ODD = (None, True, -1, 0, 7, 10**12, 1e308, "", "lite", "ViT-B-32", "../../etc/passwd", [], {}, [[1]], {"name": 3})
N_SETTINGS, N_BYTES = 90, 120  # mutants of each kind: some ten seconds together


@pytest.fixture(scope="module")
def shipped():
    """Header (without the words), settings and the bytes of the tensors of the shipped model."""
    data = find_model("align3d-lite").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    return header, json.loads(header.pop("__metadata__")[METADATA_KEY]), data[8 + length :]


@pytest.fixture
def write(tmp_path):
    """`write(header, settings, body)`: a model file of these parts."""

    def run(header, settings, body):
        text = settings if isinstance(settings, str) else json.dumps(settings)
        head = json.dumps(header | {"__metadata__": {METADATA_KEY: text}}).encode()
        path = tmp_path / "mutant.safetensors"
        path.write_bytes(struct.pack("<Q", len(head)) + head + body)
        return path

    return run


def load_whole(path):
    """A model as scoring takes it up; what went wrong as one line, None for nothing."""
    try:
        bundle = load_bundle(path)
        check_fit(bundle, bundle_encoder(bundle, "cpu"))
        bundle_aligner(bundle, "cpu")
    except REFUSED as error:
        assert "\n" not in str(error), error
        return str(error)
    return None


def places(value, prefix=()):
    """Every place in nested dicts and lists, as the keys that lead there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*prefix, key)
        yield from places(item, (*prefix, key))


def mutate(value, rng):
    """One place of a nested value removed, added to or filled with something odd; the value itself is changed."""
    *road, last = rng.choice(sorted(places(value), key=str))
    for key in road:
        value = value[key]
    how = rng.choice(("odd", "odd", "odd", "remove", "add"))
    if how == "remove":
        del value[last]
    elif how == "add" and isinstance(value, dict):
        value[f"{last}_of_another_time"] = rng.choice(ODD)
    else:
        value[last] = rng.choice(ODD)


def test_the_parts_make_the_shipped_model_again(shipped, write):
    """The mutants' way of writing is right: unchanged parts load."""
    assert load_whole(write(*shipped)) is None


@pytest.mark.parametrize("branch", [0, 1, 2])
def test_settings_of_any_kind(shipped, write, branch, monkeypatch, tmp_path):
    """Seeded changes of the settings; where they ask for another tower, its weights are not here."""
    monkeypatch.setenv("ALIGN3D_CACHE", str(tmp_path / "cache"))
    header, settings, body = shipped
    rng, refused = random.Random(branch), 0
    head = {key: settings[key] for key in ("format", "name", "encoder", "views", "scoring", "calibration")}
    for _ in range(N_SETTINGS // 3):
        mutant = copy.deepcopy(head) | {"record": {}}
        for _ in range(rng.choice((1, 1, 2, 3))):
            mutate(mutant, rng)
        refused += load_whole(write(header, mutant, body)) is not None
    assert refused > N_SETTINGS // 3 // 4, "the changes must matter"


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "5", '"x"', "{", "[" * 100_000, '{"format": 1}', "\\u0000", "NaN", '{"format": NaN}']
)
def test_settings_that_are_no_settings(shipped, write, text):
    """Other JSON, none at all, or one that is nested without end."""
    assert load_whole(write(shipped[0], text, shipped[2]))


def test_headers_and_bytes_of_any_kind(shipped, write):
    """The file cut, bytes flipped in its header, tensors named, typed or shaped otherwise."""
    path, rng = write(*shipped), random.Random(1)
    whole = path.read_bytes()
    length = len(whole) - len(shipped[2])
    for number in range(N_BYTES):
        data = bytearray(whole)
        if number % 3 == 0:
            data = data[: rng.randrange(len(data) if number % 2 else length)]
        else:
            for _ in range(rng.choice((1, 3, 9))):
                data[rng.randrange(length)] = rng.randrange(256)
        path.write_bytes(data)
        load_whole(path)


def test_tensors_of_another_model(shipped, write):
    """Missing, more, renamed, or with another shape over the same bytes: each is told."""
    header, settings, body = shipped
    rng, names = random.Random(2), sorted(shipped[0])
    for number in range(40):
        name, changed = rng.choice([name for name in names if header[name]["shape"]]), copy.deepcopy(header)
        if number % 2:
            changed[f"{name}.more"] = changed.pop(name)
        else:
            changed[name]["shape"] = [1, *changed[name]["shape"]]
        assert load_whole(write(changed, settings, body)), name


def test_a_tower_that_claims_memory_is_refused_unbuilt(shipped, write):
    """Sizes that the tensors do not have are told before anything of that size is made."""
    header, settings, body = shipped
    for claim in ({"embed_dim": 8192, "width": 8192}, {"in_channels": 10**12}, {"image_size": 10**9}, {"variant": "x"}):
        mutant = settings | {"encoder": settings["encoder"] | claim}
        assert load_whole(write(header, mutant, body))
