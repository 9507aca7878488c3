"""Weights from local files: namings, wrong files, missing files, and no network ever."""

import hashlib
import socket

import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file

from align3d_cli.encoders.clip_text import load_text_tower
from align3d_cli.encoders.clip_weights import architecture, find_weights
from align3d_cli.encoders.load import load_encoder
from align3d_cli.encoders.state_files import read_state, visual_key
from align3d_cli.errors import EnvironmentMissing, InputRejected, UsageError
from align3d_cli.helpers.manifest import stated


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Whatever these tests load, a socket is an error."""

    def refuse(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.fixture
def wanted(tiny_file, tiny_config, images):
    return load_encoder("tiny", weights=tiny_file, config=tiny_config).raw(images)


def tensors(tiny_file):
    return load_file(tiny_file)


def same(path, tiny_config, images, wanted, tolerance=0.0):
    for got, want in zip(load_encoder("tiny", weights=path, config=tiny_config).raw(images), wanted, strict=True):
        torch.testing.assert_close(got, want, atol=tolerance, rtol=0)


def test_openai_naming_loads(tmp_path, tiny_file, tiny_config, images, wanted):
    """OpenAI's state dicts (fp16, with their three buffers) load, and mean quick-GELU whatever the config says."""
    state = {key: value.half() for key, value in tensors(tiny_file).items()}
    plain_gelu = tiny_config | {"quick_gelu": False}
    save_file(state, tmp_path / "half.safetensors")
    with pytest.raises(AssertionError, match="not close"):
        same(tmp_path / "half.safetensors", plain_gelu, images, wanted, tolerance=0.02)
    buffers = {"input_resolution": 32, "context_length": 77, "vocab_size": 49408}
    state |= {name: torch.tensor(value) for name, value in buffers.items()}
    save_file(state, tmp_path / "openai.safetensors")
    same(tmp_path / "openai.safetensors", plain_gelu, images, wanted, tolerance=0.02)
    tower = load_text_tower("tiny", weights=tmp_path / "openai.safetensors", config=tiny_config)
    own = load_text_tower("tiny", weights=tiny_file, config=tiny_config)
    torch.testing.assert_close(tower.encode(["a cup."]), own.encode(["a cup."]), atol=0.01, rtol=0)


@pytest.mark.parametrize("layout", ["bare", "state_dict", "module", "text."])
def test_other_layouts_load(tmp_path, tiny_file, tiny_config, images, wanted, layout):
    """Training checkpoints, data-parallel prefixes and the text tower under `text.` all load."""
    state = tensors(tiny_file)
    if layout == "module":
        state = {f"module.{key}": value for key, value in state.items()}
    if layout == "text.":
        state = {key if key.startswith(("visual.", "logit")) else f"text.{key}": v for key, v in state.items()}
    torch.save({"epoch": 3, "state_dict": state} if layout == "state_dict" else state, tmp_path / "weights.pt")
    same(tmp_path / "weights.pt", tiny_config, images, wanted)
    tower = load_text_tower("tiny", weights=tmp_path / "weights.pt", config=tiny_config)
    assert torch.equal(
        tower.encode(["a cup."]), load_text_tower("tiny", weights=tiny_file, config=tiny_config).encode(["a cup."])
    )


def test_a_file_of_another_model_is_refused(tmp_path, tiny_file, tiny_config):
    """Missing, unknown and misshapen tensors are listed by name."""
    state = tensors(tiny_file)
    del state["visual.ln_post.bias"]
    state["visual.extra"] = torch.zeros(1)
    state["visual.proj"] = torch.zeros(32, 25)
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(InputRejected, match=r"misses ln_post.bias .*unknown extra .*differ in proj"):
        load_encoder("tiny", weights=tmp_path / "other.safetensors", config=tiny_config)


@pytest.mark.parametrize("content", [b"", b"\x10\0\0\0\0\0\0\0{}", b"PK\x03\x04 nothing else", b"\xff" * 4096])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_broken_files_are_refused(tmp_path, tiny_config, content, suffix):
    """Empty, cut and foreign bytes give one clear error in either format."""
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputRejected, match="broken"):
        load_encoder("tiny", weights=path, config=tiny_config)


class Bomb:
    def __reduce__(self):
        return (open, ("/nonexistent/never-written", "w"))


def test_pickled_code_is_not_run(tmp_path, tiny_config):
    """A checkpoint that would call a function on loading is refused before it does."""
    torch.save({"state_dict": Bomb()}, tmp_path / "bomb.pt")
    with pytest.raises(InputRejected, match="plain weights"):
        load_encoder("tiny", weights=tmp_path / "bomb.pt", config=tiny_config)


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_torchscript_needs_the_published_hash(tmp_path):
    """OpenAI's own archives are TorchScript: opened only when the bytes are the published ones."""
    path = tmp_path / "archive.pt"
    module = torch.nn.Module()
    module.visual = torch.nn.Linear(2, 2)
    torch.jit.script(module).save(path)
    with pytest.raises(InputRejected, match="can run code"):
        read_state(path, visual_key)
    state, _ = read_state(path, visual_key, hashlib.sha256(path.read_bytes()).hexdigest())
    assert torch.equal(state["weight"], module.visual.weight)


def test_missing_weights_say_how_to_get_them(tmp_path, monkeypatch):
    """Without weights: an environment error with the command, the source and the place for a file put by hand."""
    monkeypatch.setenv("ALIGN3D_CACHE", str(tmp_path))
    with pytest.raises(EnvironmentMissing) as caught:
        load_encoder("ViT-L-14-336")
    place = tmp_path / "ViT-L-14-336.openai.pt"
    digest = "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"
    for part in ("align3d weights fetch ViT-L-14-336", "ViT-L-14-336px.pt from https://", digest, f"at {place}"):
        assert part in str(caught.value)
    place.write_bytes(b"put by hand")
    assert find_weights(architecture("ViT-L-14-336")) == place
    with pytest.raises(InputRejected, match="of its publisher"):
        load_encoder("ViT-L-14-336")
    with pytest.raises(EnvironmentMissing, match=r"laion/CLIP-ViT-B-32.*at .*ViT-B-32.laion2b_s34b_b79k.safetensors"):
        load_encoder("ViT-B-32", pretrained="laion2b_s34b_b79k")
    with pytest.raises(EnvironmentMissing, match="no such weights file"):
        load_encoder("ViT-B-32", weights=tmp_path / "absent.safetensors")


@pytest.mark.slow
def test_a_file_put_by_hand_is_noted_and_held_to(tmp_path, monkeypatch):
    """Weights whose hash nobody knows beforehand load once; after that another file under the name is refused."""
    monkeypatch.setenv("ALIGN3D_CACHE", str(tmp_path))
    reference = open_clip.create_model("ViT-B-32", pretrained=None)
    place = tmp_path / "ViT-B-32.openai.safetensors"
    save_file({key: value.contiguous() for key, value in reference.state_dict().items()}, place)
    views = torch.rand(1, 3, 224, 224)
    first = load_encoder("ViT-B-32")(views)[0]
    assert stated(place).trust == "first use"
    assert torch.equal(load_encoder("ViT-B-32")(views)[0], first)
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    for load in (load_encoder, load_text_tower):
        with pytest.raises(InputRejected, match="damaged or another"):
            load("ViT-B-32")


def test_the_tag_decides_the_activation():
    """OpenAI's weights mean quick-GELU under plain names too; a file of one's own follows what is certain."""
    assert architecture("ViT-L-14-336").quick_gelu and architecture("ViT-B-32").quick_gelu
    assert not architecture("ViT-B-32", "laion2b_s34b_b79k").quick_gelu
    assert architecture("ViT-B-32-quickgelu", own_file=True).quick_gelu
    assert architecture("ViT-L-14-336", own_file=True).quick_gelu  # its only weights are OpenAI's
    assert not architecture("ViT-B-32", own_file=True).quick_gelu
    assert architecture("ViT-B-32", "openai", own_file=True).quick_gelu


def test_unknown_names_suggest_near_ones():
    """A mistyped backbone or tag names what there is."""
    with pytest.raises(UsageError, match=r"near: .*ViT-L-14-336"):
        load_encoder("ViT-L14-336")
    with pytest.raises(UsageError, match=r"there are: openai"):
        load_encoder("ViT-L-14-336", pretrained="laion")


def test_a_seed_gives_the_same_random_weights(tiny_config, images):
    """Random weights are a function of the seed, and building them leaves torch's own generator alone."""
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, two, other = (load_encoder("tiny", config=tiny_config, random_seed=s)(images)[0] for s in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_tower_from_its_own_tensors(tiny_file, tiny_config, images, wanted):
    """A bundle that carries the tower hands its tensors and its stored settings over; no file is read."""
    state = {visual_key(key): value for key, value in tensors(tiny_file).items() if visual_key(key)}
    encoder = load_encoder("tiny", weights=state, config=tiny_config, settings={"vv_blocks": 4, "style": "colour"})
    torch.testing.assert_close(encoder.raw(images)[1], wanted[1])
    assert encoder.spec.style == "colour"


def test_the_spec_tells_towers_apart(tmp_path, tiny_file, tiny_config):
    """Whatever changes the features beside the weights is in the spec, so that a feature store can refuse a mixture."""
    variants = [{}, {"vv_blocks": 2}, {"ln_post_global": False}, {"precision": "bfloat16"}]
    specs = [load_encoder("tiny", weights=tiny_file, config=tiny_config, settings=v).spec for v in variants]
    specs.append(load_encoder("tiny", weights=tiny_file, config=tiny_config | {"quick_gelu": False}).spec)
    assert len({spec.details for spec in specs}) == len(specs)
