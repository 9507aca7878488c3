"""`align3d weights import` of released prompts, as their authors' classes and torch.save write them, up to a score."""

import hashlib
import json
import pickle
import sys
import zipfile
from dataclasses import replace

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file

from align3d_cli.cli.app import main
from align3d_cli.encoders.clip_text import load_text_tower
from align3d_cli.helpers.manifest import sidecar_of
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.bundle import load_bundle
from align3d_cli.model.profiles import get_profile
from align3d_cli.model.prompts import ClipPrompts

pytestmark = pytest.mark.slow  # each test starts programs

CONFIG = {
    "embed_dim": 24,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 6, "width": 32, "patch_size": 8, "head_width": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 9},
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Folder of a small random CLIP as the hub has them: open_clip_config.json and its weights."""
    folder = tmp_path_factory.mktemp("models") / "small-clip"
    folder.mkdir()
    with torch.random.fork_rng():
        torch.manual_seed(4)
        reference = open_clip.model.CLIP(**CONFIG)
    state = {key: value.contiguous() for key, value in reference.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": CONFIG}))
    return folder


@pytest.fixture(scope="module")
def learner(clip):
    """`learner(seed)`: a prompt learner's state as the published classes give it, unused projections included."""
    tower = load_text_tower("small", weights=clip / "open_clip_model.safetensors", config=CONFIG)

    def make(seed):
        state = {key: value.clone() for key, value in ClipPrompts(tower, seed=seed).state_dict().items()}
        for number in range(8):
            state[f"compound_prompt_projections.{number}.weight"] = torch.zeros(20, 16)
            state[f"compound_prompt_projections.{number}.bias"] = torch.zeros(20)
        return state

    return make, lambda seed, deep="float32": ClipPrompts(tower, seed=seed, deep_prompts=deep)().detach()


@pytest.fixture
def program(monkeypatch, capsys, tmp_path):
    """`program(*arguments)` runs the program in this process: (exit code, stdout, lines of stderr)."""
    monkeypatch.setenv("ALIGN3D_CACHE", str(tmp_path / "cache"))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["align3d", *map(str, arguments)])
        capsys.readouterr()
        try:
            code = main() or 0
        except SystemExit as ended:
            code = ended.code or 0
        told = capsys.readouterr()
        return code, told.out, told.err.splitlines()

    return run


@pytest.fixture
def bring_in(program, clip, tmp_path):
    """`bring_in(*files, ..)` imports checkpoints on the small CLIP into model.safetensors, as `program` does."""

    def run(*files, kind="align3d", more=()):
        where = ("--backbone", clip / "open_clip_config.json", "--weights", clip / "open_clip_model.safetensors")
        return program(
            "weights", "import", *files, "--kind", kind, *where, "--out", tmp_path / "model.safetensors", *more
        )

    return run


def refused(outcome, tmp_path, *findings, code=4):
    """One line of error with the exit code, and no file written."""
    got, out, err = outcome
    errors = [line for line in err if not line.startswith("warning: reading pickled")]
    assert (got, out, len(errors)) == (code, "", 1), outcome
    for finding in findings:
        assert finding in errors[0]
    assert not list(tmp_path.glob("*model.safetensors*"))


def save(content, path, old=False):
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    return path


@pytest.fixture
def pair(tmp_path, learner):
    """`pair(old)`: Align3D-AD's two files, in today's or in torch's old format."""

    def write(old=False):
        rgb = {"rgb_prompt_learner": learner[0](1), "aligner": Aligner(24, seed=3).state_dict()}
        files = save(rgb, tmp_path / "epoch_15_rgb.pth", old), tmp_path / "epoch_15_rendering.pth"
        save({"prompt_learner": learner[0](2)}, files[1], old)
        return files

    return write


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("turn", [1, -1])
def test_the_pair_of_align3d_ad(bring_in, pair, learner, tmp_path, old, turn):
    """Both formats, files in either order: text vectors and aligner are theirs, the sources' hashes are recorded."""
    files = pair(old)
    assert zipfile.is_zipfile(files[0]) is not old
    code, out, err = bring_in(*files[::turn])
    assert code == 0 and "align3d" in out, err
    assert "pickled" in err[0] and any(
        "compound_prompt_projections (16 tensors) are never used" in line for line in err
    )
    model = load_bundle(tmp_path / "model.safetensors")
    torch.testing.assert_close(model.tensors["text.rgb"], learner[1](1))
    torch.testing.assert_close(model.tensors["text.rendering"], learner[1](2))
    assert all(
        torch.equal(model.part("aligner")[key], value) for key, value in Aligner(24, seed=3).state_dict().items()
    )
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert model.record["import"] == {"kind": "align3d", "sources_sha256": digests}
    assert model.views.size_px == 32


@pytest.mark.parametrize(("kind", "norm", "weight"), [("pointad", True, 0.5), ("anomalyclip", False, 0.5)])
@pytest.mark.parametrize("old", [False, True])
def test_single_files(bring_in, learner, tmp_path, kind, norm, weight, old):
    """PointAD's and AnomalyCLIP's file is the rendering branch; they differ in ln_post on the global feature."""
    code, _, err = bring_in(save({"prompt_learner": learner[0](5)}, tmp_path / "epoch_15.pth", old), kind=kind)
    assert code == 0, err
    model = load_bundle(tmp_path / "model.safetensors")
    assert model.branches == ("rendering",) and model.encoder["settings"]["ln_post_global"] is norm
    assert (model.scoring.object_max_weight, model.scoring.object_view_weight) == (weight, weight)
    torch.testing.assert_close(model.tensors["text.rendering"], learner[1](5, "float16"))


@pytest.mark.parametrize(("profile", "deep"), [("paper", "float16"), ("align3d", "float32")])
def test_a_released_pair_follows_the_profile_that_is_named(bring_in, pair, learner, tmp_path, profile, deep):
    """Views, scoring and the deep prompts' precision are the profile's: `paper` scores a released pair as published."""
    code, _, err = bring_in(*pair(), more=("--profile", profile))
    assert code == 0, err
    model, named = load_bundle(tmp_path / "model.safetensors"), get_profile(profile)
    assert model.scoring == named.scoring and model.views == replace(named.views, size_px=32)
    assert model.record["profile"]["name"] == profile and model.branches == ("rendering", "rgb")
    torch.testing.assert_close(model.tensors["text.rgb"], learner[1](1, deep))


def test_a_single_file_follows_the_profile_with_its_one_branch(bring_in, learner, tmp_path):
    """PointAD's file with the faults mended: align3d's views and scoring of the rendering branch."""
    file = save({"prompt_learner": learner[0](5)}, tmp_path / "epoch_15.pth")
    code, _, err = bring_in(file, kind="pointad", more=("--profile", "align3d"))
    assert code == 0, err
    model = load_bundle(tmp_path / "model.safetensors")
    assert model.scoring == get_profile("align3d").scoring
    assert model.record["profile"]["branches"] == ["rendering"]


def test_a_pair_is_not_cut_down_to_one_branch_in_silence(bring_in, pair, tmp_path):
    """PointAD's profile has no place for the aligner; an unknown profile is told as everywhere."""
    found = "scores one branch, the pair has two; give paper or align3d"
    refused(bring_in(*pair(), more=("--profile", "pointad")), tmp_path, found, code=2)
    refused(bring_in(*pair(), more=("--profile", "papers")), tmp_path, "choose from paper, pointad, align3d", code=2)


def each(state, change):
    return {key: change(value) for key, value in state.items()}


def prefixed(state, prefix):
    return {prefix + key: value for key, value in state.items()}


WRITTEN = {
    "half precision": lambda s: {"prompt_learner": each(s, lambda v: v.half() if v.is_floating_point() else v)},
    "data parallel": lambda s: {"prompt_learner": prefixed(s, "module.")},
    "wrapped": lambda s: {"epoch": 15, "state_dict": {"prompt_learner": s}},
    "wrapped inside": lambda s: {"prompt_learner": {"state_dict": s}},
    "whole module": lambda s: {"state_dict": prefixed(s, "module.prompt_learner.")},
    "parameters": lambda s: {"prompt_learner": each(s, lambda v: torch.nn.Parameter(v, v.is_floating_point()))},
}


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("old", [False, True])
def test_other_ways_of_saving_the_same(bring_in, learner, tmp_path, how, old):
    """Half precision, data-parallel prefixes and wrappers give the same prompts."""
    code, _, err = bring_in(save(WRITTEN[how](learner[0](5)), tmp_path / "epoch_15.pth", old), kind="pointad")
    assert code == 0, err
    text = load_bundle(tmp_path / "model.safetensors").tensors["text.rendering"]
    torch.testing.assert_close(text, learner[1](5, "float16"), atol=2e-3 if how == "half precision" else 1e-6, rtol=0)


@pytest.mark.slow
def test_from_a_hand_placed_tower_to_a_score(align3d, clip, pair, write_ball, tmp_path):
    """As a user: put CLIP's file into the cache, import, score; a tampered tower then stops import and score."""
    cache = tmp_path / "cache"
    cache.mkdir()
    placed = cache / "small-clip.mine.safetensors"
    placed.write_bytes((clip / "open_clip_model.safetensors").read_bytes())
    model, scan = tmp_path / "model.safetensors", tmp_path / "ball.ply"
    write_ball(scan)
    named = ("--backbone", clip / "open_clip_config.json", "--pretrained", "mine", "--out", model)
    run = align3d("weights", "import", *pair(), *named, ALIGN3D_CACHE=str(cache))
    assert run.code == 0, run.err
    score = align3d("score", scan, "--model", model, "--out", tmp_path / "heat.npz", "--json", ALIGN3D_CACHE=str(cache))
    assert score.code == 0, score.err
    with np.load(tmp_path / "heat.npz") as heat:
        assert heat["scores"].shape == (2000,) and np.isfinite(heat["scores"]).all() and heat["scores"].std() > 0
    assert json.loads(score.out)["model"] == "model" and sidecar_of(placed).is_file()
    placed.write_bytes(placed.read_bytes()[:-1] + b"?")
    again = align3d("score", scan, "--model", model, "--out", tmp_path / "again.npz", ALIGN3D_CACHE=str(cache))
    assert again.code == 5 and "damaged or another" in again.err and not (tmp_path / "again.npz").exists()
    placed.unlink()
    gone = align3d("score", scan, "--model", model, "--out", tmp_path / "again.npz", ALIGN3D_CACHE=str(cache))
    assert gone.code == 5 and "small-clip" in gone.err


@pytest.mark.slow
def test_another_clip_in_the_place_of_its_own_stops_scoring(program, clip, pair, write_ball, tmp_path):
    """A model made with --weights runs on that file alone: another under its name is told, exit code 5."""
    own, model, scan = tmp_path / "clip.safetensors", tmp_path / "model.safetensors", tmp_path / "ball.ply"
    own.write_bytes((clip / "open_clip_model.safetensors").read_bytes())
    write_ball(scan)
    where = ("--backbone", clip / "open_clip_config.json", "--weights", own)
    assert program("weights", "import", *pair(), *where, "--out", model)[0] == 0
    assert str(tmp_path).encode() not in model.read_bytes()
    code, _, err = program("score", scan, "--model", model, "--out", tmp_path / "heat.npz")
    assert code == 0, err
    own.write_bytes(own.read_bytes()[:-4] + bytes(4))
    code, _, err = program("score", scan, "--model", model, "--out", tmp_path / "again.npz")
    assert code == 5 and "SHA-256 is not the" in err[-1] and not (tmp_path / "again.npz").exists()


@pytest.mark.slow
def test_what_the_published_classes_wrote(program, shared_data, tmp_path):
    """The oracle's prompts and aligner, imported on its CLIP, give the published text features and aligned features."""
    oracle = shared_data / "oracle"
    if not (oracle / "learned.safetensors").is_file():
        pytest.skip("the oracle's files are not beside this checkout")
    parts = {}
    for key, value in load_file(oracle / "learned.safetensors").items():
        name, rest = key.split(".", 1)
        parts.setdefault(name, {})[rest] = value
    rgb = {"rgb_prompt_learner": parts["prompt_learner"], "aligner": parts["aligner"]}
    files = save(rgb, tmp_path / "rgb.pth", old=True), tmp_path / "rendering.pth"
    save({"prompt_learner": parts["second_prompt_learner"]}, files[1])
    where = ("--backbone", oracle / "open_clip_config.json", "--weights", oracle / "clip.safetensors")
    code, _, err = program("weights", "import", *files, *where, "--out", tmp_path / "model.safetensors")
    assert code == 0, err
    model = load_bundle(tmp_path / "model.safetensors")
    with np.load(oracle / "expected.npz") as file:
        expected = {name: torch.from_numpy(file[name]) for name in file.files}
    torch.testing.assert_close(model.tensors["text.rgb"], expected["text_features"], atol=1e-4, rtol=0)
    torch.testing.assert_close(model.tensors["text.rendering"], expected["text_features_second_set"], atol=1e-4, rtol=0)
    aligner = Aligner(48)
    aligner.load_state_dict(model.part("aligner"))
    features = (torch.nn.functional.normalize(expected[name], dim=-1) for name in ("vv_global", "vv_patch_tokens"))
    aligned = aligner(*features)
    torch.testing.assert_close(aligned[0].detach(), expected["aligned_global"], atol=1e-4, rtol=0)
    torch.testing.assert_close(aligned[1].detach(), expected["aligned_patch_tokens"], atol=1e-4, rtol=0)


def test_wrong_sets_of_files(bring_in, pair, learner, tmp_path):
    """Half a pair, two RGB files, a file twice and a kind that the files are not: each names what is wrong."""
    rgb, rendering = pair()
    other = save(
        {"rgb_prompt_learner": learner[0](7), "aligner": Aligner(24).state_dict()}, tmp_path / "epoch_10_rgb.pth"
    )
    refused(bring_in(rgb), tmp_path, "misses prompt_learner", "give both")
    refused(bring_in(rgb, other), tmp_path, "epoch_10_rgb.pth: rgb_prompt_learner is also in epoch_15_rgb.pth")
    refused(bring_in(rendering, rendering), tmp_path, "is also in")
    refused(bring_in(rendering), tmp_path, "layout of pointad, not of --kind align3d")
    refused(bring_in(rgb, rendering, kind="pointad"), tmp_path, "layout of align3d-ad, not of --kind pointad")
    refused(bring_in(rgb, rendering, kind="clip"), tmp_path, "--kind clip is not known", code=2)
    refused(bring_in(tmp_path / "absent.pth"), tmp_path, "absent.pth: no such file")


def test_checkpoints_that_do_not_fit(bring_in, pair, learner, tmp_path):
    """Missing and unknown tensors, other words, other CLIP weights, another feature size: listed by name."""
    _, rendering = pair()
    state = learner[0](1)
    del state["ctx_neg"]
    path = save({"prompt_learner": state | {"meta_net": torch.zeros(2)}}, tmp_path / "odd.pth")
    refused(bring_in(path, kind="pointad"), tmp_path, "odd.pth", "misses ctx_neg", "unknown meta_net")
    state = learner[0](1)
    state["tokenized_prompts_neg"][0, 0, 13] = 14115
    path = save({"prompt_learner": state}, tmp_path / "words.pth")
    refused(bring_in(path, kind="pointad"), tmp_path, "tokenized_prompts_neg holds 14115 at position 13")
    state = learner[0](1)
    state["token_prefix_pos"] += 0.1
    path = save({"prompt_learner": state}, tmp_path / "trained.pth")
    refused(bring_in(path, kind="pointad"), tmp_path, "token_prefix_pos differs", "other CLIP weights")
    wide = save({"rgb_prompt_learner": learner[0](1), "aligner": Aligner(48).state_dict()}, tmp_path / "wide.pth")
    refused(bring_in(wide, rendering), tmp_path, "aligner of 48 dimensions", "has 24")
    long = learner[0](1)
    long |= {f"ctx_{sign}": torch.zeros(1, 1, 75, 16) for sign in ("pos", "neg")}
    long |= {f"token_suffix_{sign}": torch.zeros(1, 1, 1, 16) for sign in ("pos", "neg")}
    path = save({"prompt_learner": long}, tmp_path / "long.pth")
    refused(bring_in(path, kind="pointad"), tmp_path, "75 context tokens of 77")


class Call:
    """Pickles as a call of open(target, "w")."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return open, (self.target, "w")


@pytest.mark.parametrize("old", [False, True])
def test_pickled_code_is_not_run(bring_in, learner, tmp_path, old):
    """A checkpoint that calls a function on loading is refused and the function is not called, in either format."""
    evil = save({"prompt_learner": learner[0](1) | {"ctx_pos": Call(tmp_path / "written")}}, tmp_path / "evil.pth", old)
    refused(bring_in(evil, kind="pointad"), tmp_path, "holds more than plain tensors")
    assert not (tmp_path / "written").exists()
    torch.load(evil, weights_only=False)
    assert (tmp_path / "written").exists(), "the file would have done it"


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_programs_are_refused(bring_in, tmp_path):
    """A TorchScript archive, which is code, is none of the released layouts."""
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "script.pth")
    refused(bring_in(tmp_path / "script.pth", kind="pointad"), tmp_path, "script.pth")


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_cut_files_are_refused(bring_in, learner, tmp_path, old, share):
    """A download that ended early, cut anywhere, is one line."""
    path = save({"prompt_learner": learner[0](1)}, tmp_path / "epoch_15.pth", old)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refused(bring_in(path, kind="pointad"), tmp_path, "epoch_15.pth")


def test_damaged_files_never_end_in_a_traceback(bring_in, tmp_path):
    """Bytes changed at random places of small archives: an error of one line, or a file that says something else."""
    rng = np.random.default_rng(0)
    for old in (False, True):
        save({"prompt_learner": {"ctx_pos": torch.zeros(1, 1, 2, 3), "x": torch.ones(3)}}, tmp_path / "small.pth", old)
        whole = np.frombuffer((tmp_path / "small.pth").read_bytes(), dtype=np.uint8)
        for _ in range(150):
            damaged = whole.copy()
            damaged[rng.integers(0, len(whole), 3)] = rng.integers(0, 256, 3)
            (tmp_path / "small.pth").write_bytes(damaged.tobytes())
            refused(bring_in(tmp_path / "small.pth", kind="pointad"), tmp_path, "small.pth")


def test_too_large_files_are_refused_unread(bring_in, learner, tmp_path):
    """Beyond the limit on disk, unpacked from a small archive, or compressed at all."""
    large = save({"prompt_learner": learner[0](1)}, tmp_path / "large.pth")
    with open(large, "ab") as file:
        file.truncate(300 * 2**20)  # sparse: takes no room
    refused(bring_in(large, kind="pointad"), tmp_path, "a released checkpoint has at most 268,435,456")
    with (
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb,
        bomb.open("bomb/data.pkl", "w") as out,
    ):
        for _ in range(260):
            out.write(bytes(2**20))
    assert (tmp_path / "bomb.pth").stat().st_size < 2**20
    refused(bring_in(tmp_path / "bomb.pth", kind="pointad"), tmp_path, "unpacks to 272,629,760 bytes")
    with zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("packed/data.pkl", bytes(2**20))
    refused(bring_in(tmp_path / "packed.pth", kind="pointad"), tmp_path, "compressed inside")


@pytest.mark.parametrize("old", [False, True])
def test_tensors_that_claim_more_than_they_brought(bring_in, learner, tmp_path, old):
    """Borrowed bytes: one element expanded, and many tensors over the same storage."""
    state = learner[0](1) | {"ctx_pos": torch.zeros(1).expand(1, 1, 12, 10**9)}
    refused(bring_in(save({"prompt_learner": state}, tmp_path / "a.pth", old), kind="pointad"), tmp_path, "fewer bytes")
    shared = torch.zeros(4, 2**14)
    state = learner[0](1) | {f"compound_prompts_text.{number}": shared for number in range(500)}
    refused(bring_in(save({"prompt_learner": state}, tmp_path / "b.pth", old), kind="pointad"), tmp_path, "same bytes")


def test_a_record_that_is_shorter_than_its_tensor(bring_in, learner, tmp_path):
    """A pickle that claims 2 GB over a record of a few bytes reads nothing beyond them."""
    path = save({"prompt_learner": {"ctx_pos": torch.arange(5.0)}}, tmp_path / "small.pth")
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    forged = {"count": pickle.BININT + (2**29).to_bytes(4, "little"), "five": pickle.BININT1 + b"\x05"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            if name.endswith("data.pkl"):
                assert data.count(forged["five"]) == 2
                data = data.replace(forged["five"], forged["count"])
            archive.writestr(name, data)
    refused(bring_in(path, kind="pointad"), tmp_path, "small.pth")


def test_configurations_that_are_none(program, pair, tmp_path):
    """--backbone with a .json that is missing, no JSON or something else is one line as well."""
    for number, text in enumerate((None, "{", "[]", "{}", '{"model_cfg": {"embed_dim": 8}}')):
        config = tmp_path / f"{number}.json"
        if text is not None:
            config.write_text(text)
        outcome = program("weights", "import", *pair(), "--backbone", config, "--out", tmp_path / "model.safetensors")
        refused(outcome, tmp_path, f"{number}.json: no open_clip configuration")


def test_an_existing_model_is_kept(bring_in, pair, tmp_path):
    """Without --force nothing is overwritten, and a refused file leaves the old model with --force too."""
    (tmp_path / "model.safetensors").write_bytes(b"mine")
    assert bring_in(*pair())[0] == 2
    assert bring_in(pair()[0], more=("--force",))[0] == 4
    assert (tmp_path / "model.safetensors").read_bytes() == b"mine"
    assert bring_in(*pair(), more=("--force",))[0] == 0
    assert load_bundle(tmp_path / "model.safetensors").branches == ("rendering", "rgb")
