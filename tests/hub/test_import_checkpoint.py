"""Released checkpoints, written here in their layouts, become prompts and an aligner; anything else is named."""

import hashlib
import zipfile

import pytest
import torch

from align3d_cli.encoders.clip_text import load_text_tower
from align3d_cli.errors import InputRejected
from align3d_cli.hub.import_checkpoint import compile_prompts, read_released
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.prompts import ClipPrompts

DIM = 24


@pytest.fixture(scope="module")
def tower(tiny_file, tiny_config):
    return load_text_tower("tiny", weights=tiny_file, config=tiny_config)


@pytest.fixture
def learner(tower):
    """A prompt learner as the released files hold one, unused projections included; depth 4 suits the tiny tower."""

    def make(seed=0):
        state = {key: value.clone() for key, value in ClipPrompts(tower, depth=4, seed=seed).state_dict().items()}
        for i in range(3):
            state[f"compound_prompt_projections.{i}.weight"] = torch.randn(8, 16)
            state[f"compound_prompt_projections.{i}.bias"] = torch.randn(8)
        return state

    return make


@pytest.fixture
def pair(tmp_path, learner):
    rgb, rendering = tmp_path / "epoch_15_rgb.pth", tmp_path / "epoch_15_rendering.pth"
    torch.save({"rgb_prompt_learner": learner(1), "aligner": Aligner(DIM, seed=3).state_dict()}, rgb)
    torch.save({"prompt_learner": learner(2)}, rendering)
    return rgb, rendering


def single(tmp_path, state, name="checkpoint.pth"):
    torch.save({"prompt_learner": state}, tmp_path / name)
    return [tmp_path / name]


def test_the_pair_of_align3d_ad(pair, tower):
    """Both files, in either order, give both branches' text vectors and the aligner, with the hashes of the sources."""
    imported = read_released(pair)
    assert (imported.layout, imported.n_ctx, imported.depth, imported.n_deep, imported.width) == (
        "align3d-ad", 12, 4, 4, 16,
    )  # fmt: skip
    assert imported.sources == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in pair}
    vectors = compile_prompts(read_released(reversed(pair)), tower)
    torch.testing.assert_close(vectors["rgb"], ClipPrompts(tower, depth=4, seed=1)())
    torch.testing.assert_close(vectors["rendering"], ClipPrompts(tower, depth=4, seed=2)())
    aligner = Aligner(DIM)
    aligner.load_state_dict(imported.aligner)
    features = torch.randn(2, DIM), torch.randn(2, 5, DIM)
    for got, wanted in zip(aligner(*features), Aligner(DIM, seed=3)(*features), strict=True):
        torch.testing.assert_close(got, wanted)


def test_a_single_prompt_learner(tmp_path, learner, tower):
    """PointAD's and AnomalyCLIP's one file is the rendering branch; what is not used is told, not silently dropped."""
    torch.save({"prompt_learner": learner(5), "optimizer": {"lr": 0.001}}, tmp_path / "epoch_15.pth")
    imported = read_released([tmp_path / "epoch_15.pth"])
    assert imported.layout == "pointad" and imported.aligner is None
    told = " | ".join(imported.notes)
    assert "'optimizer' is not used" in told and "compound_prompt_projections (6 tensors)" in told
    torch.testing.assert_close(compile_prompts(imported, tower)["rendering"], ClipPrompts(tower, depth=4, seed=5)())


def test_half_precision_and_parameters_are_read(tmp_path, learner, tower):
    """fp16 tensors, parameters, int64 token numbers and data-parallel prefixes of the same learner read alike."""
    state = {}
    for key, value in learner(5).items():
        value = torch.nn.Parameter(value.half()) if value.is_floating_point() else value.long()
        state[f"module.{key}"] = value
    vectors = compile_prompts(read_released(single(tmp_path, state)), tower)
    torch.testing.assert_close(vectors["rendering"], ClipPrompts(tower, depth=4, seed=5)(), atol=1e-3, rtol=0)


def test_missing_unknown_and_misshapen_tensors_are_listed(tmp_path, learner):
    """One refusal names everything that is wrong with a learner's state."""
    state = learner()
    del state["ctx_neg"], state["token_suffix_pos"]
    state["meta_net.weight"] = torch.zeros(2)
    state["compound_prompts_text.2"] = torch.zeros(5, 16)
    with pytest.raises(InputRejected) as caught:
        read_released(single(tmp_path, state))
    for part in ("misses ctx_neg, token_suffix_pos", "unknown meta_net.weight", "text.2 (5, 16) instead of (4, 16)"):
        assert part in str(caught.value)


def test_unknown_tensors_can_be_left_aside(tmp_path, learner):
    """Only on demand, and then noted by name."""
    state = learner() | {"meta_net.weight": torch.zeros(2)}
    with pytest.raises(InputRejected, match="--ignore-unknown"):
        read_released(single(tmp_path, state))
    notes = read_released(single(tmp_path, state), ignore_unknown=True).notes
    assert any("meta_net.weight is unknown" in note for note in notes)


def test_a_gap_in_the_deep_prompts_is_missing(tmp_path, learner):
    """Deep prompts 0 and 2 without 1 are not a depth of three."""
    state = learner()
    del state["compound_prompts_text.1"]
    with pytest.raises(InputRejected, match=r"misses compound_prompts_text.1; has unknown compound_prompts_text.2"):
        read_released(single(tmp_path, state))


def test_halves_of_a_pair_are_refused(pair, tmp_path, learner):
    """The RGB file alone, a learner twice, an empty file and an aligner of mixed sizes each say what is wrong."""
    with pytest.raises(InputRejected, match=r"misses prompt_learner; .*give both"):
        read_released(pair[:1])
    with pytest.raises(InputRejected, match=r"is also in epoch_15_rendering.pth"):
        read_released([*pair, *single(tmp_path, learner())])
    torch.save({}, tmp_path / "empty.pth")
    with pytest.raises(InputRejected, match=r"empty.pth: misses prompt_learner"):
        read_released([tmp_path / "empty.pth"])
    mixed = Aligner(DIM).state_dict() | {"local_mlp.output.bias": torch.zeros(7)}
    torch.save({"rgb_prompt_learner": learner(), "aligner": mixed}, pair[0])
    with pytest.raises(InputRejected, match=r"aligner has wrong shapes: local_mlp.output.bias \(7,\)"):
        read_released(pair)


def test_branches_of_different_sizes_are_no_pair(pair, tmp_path, tower):
    """Two learners that differ in context length were not trained together."""
    torch.save({"prompt_learner": ClipPrompts(tower, n_ctx=4, depth=4).state_dict()}, pair[1])
    with pytest.raises(InputRejected, match="not one model's pair"):
        read_released(pair)


def test_token_numbers_are_compared_with_the_tokenizer(tmp_path, learner):
    """Other words, or another tokenizer, are found by position."""
    state = learner()
    state["tokenized_prompts_neg"][0, 0, 13] = 14115  # "object" where "damaged" belongs
    with pytest.raises(InputRejected, match=r"holds 14115 at position 13.*gives 13568 for 'damaged object.'"):
        read_released(single(tmp_path, state))


def test_word_embeddings_are_compared_with_the_tower(tmp_path, learner, tower):
    """Prompts trained with other CLIP weights, or another width, are refused when they are compiled."""
    state = learner()
    state["token_suffix_pos"] = state["token_suffix_pos"] + 0.1
    with pytest.raises(InputRejected, match=r"token_suffix_pos differs .*other CLIP weights"):
        compile_prompts(read_released(single(tmp_path, state)), tower)
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 4}
    wide = load_text_tower("wide", config={"embed_dim": DIM, "text_cfg": text}, random_seed=0)
    with pytest.raises(InputRejected, match="width 32, length 77 and 4 blocks"):
        compile_prompts(read_released(single(tmp_path, learner())), wide)


def test_values_that_are_not_finite_are_refused(tmp_path, learner):
    """A diverged training run is not imported."""
    state = learner()
    state["ctx_pos"][0, 0, 3, 3] = float("nan")
    with pytest.raises(InputRejected, match="ctx_pos hold values that are not finite"):
        read_released(single(tmp_path, state))


@pytest.mark.parametrize(
    ("key", "dtype"), [("ctx_neg", torch.int32), ("tokenized_prompts_pos", torch.float32), ("ctx_neg", torch.complex64)]
)
def test_tensors_of_another_type_are_refused(tmp_path, learner, key, dtype):
    """Whole numbers for vectors, fractions for token numbers, complex numbers: named, not converted."""
    state = learner()
    state[key] = state[key].to(dtype)
    with pytest.raises(InputRejected, match=rf"{key} .*{str(dtype).replace('.', '[.]')}"):
        read_released(single(tmp_path, state))


def test_a_damaged_record_is_named(tmp_path, learner):
    """Bytes flipped inside a tensor's record, which torch itself would read, fail the archive's checksum."""
    (path,) = single(tmp_path, learner())
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    content = bytearray(path.read_bytes())
    at = content.index(largest.filename.encode()) + len(largest.filename) + largest.file_size // 2
    content[at : at + 8] = bytes(8) if any(content[at : at + 8]) else b"\x01" * 8
    path.write_bytes(content)
    with pytest.raises(InputRejected, match=r"is damaged \(.*fails its checksum\)"):
        read_released([path])


class Call:
    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return (open, (self.target, "w"))


def test_pickled_code_is_not_run(tmp_path):
    """A checkpoint that names a function is refused and the function is not called."""
    torch.save({"prompt_learner": Call(tmp_path / "written")}, tmp_path / "evil.pth")
    with pytest.raises(InputRejected, match="more than plain tensors"):
        read_released([tmp_path / "evil.pth"])
    assert not (tmp_path / "written").exists()


def test_sizes_are_limited_before_reading(tmp_path, learner):
    """Large files, archives that unpack to more, and tensors over borrowed bytes are refused."""
    paths = single(tmp_path, learner())
    with pytest.raises(InputRejected, match="at most 1,000"):
        read_released(paths, max_bytes=1000)
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", b"\0" * 2_000_000)
    with pytest.raises(InputRejected, match="unpacks to 2,000,000"):
        read_released([tmp_path / "bomb.pth"], max_bytes=1_000_000)
    state = learner() | {"ctx_pos": torch.zeros(1).expand(1, 1, 12, 10**9)}
    with pytest.raises(InputRejected, match="over fewer bytes"):
        read_released(single(tmp_path, state))


@pytest.mark.parametrize("content", [b"", b"\x80\x02}q\x00.", b"PK\x03\x04 cut"])
def test_files_that_are_no_archive_are_refused(tmp_path, content):
    """Empty, bare pickle and cut files give a clear line."""
    (tmp_path / "odd.pth").write_bytes(content)
    with pytest.raises(InputRejected, match="not a torch archive"):
        read_released([tmp_path / "odd.pth"])
    torch.save(torch.zeros(3), tmp_path / "bare.pth")
    with pytest.raises(InputRejected, match="no dict of named parts"):
        read_released([tmp_path / "bare.pth"])


def test_the_oracles_prompt_learners_import(shared_data, tmp_path):
    """Prompt learners and aligner as the published classes wrote them pass every check."""
    from safetensors.torch import load_file

    learned = load_file(shared_data / "oracle" / "learned.safetensors")
    parts = {}
    for key, value in learned.items():
        name, rest = key.split(".", 1)
        parts.setdefault(name, {})[rest] = value
    torch.save({"rgb_prompt_learner": parts["prompt_learner"], "aligner": parts["aligner"]}, tmp_path / "rgb.pth")
    torch.save({"prompt_learner": parts["second_prompt_learner"]}, tmp_path / "rendering.pth")
    imported = read_released([tmp_path / "rgb.pth", tmp_path / "rendering.pth"])
    assert (imported.n_ctx, imported.depth, imported.n_deep, imported.width) == (12, 9, 4, 64) and not imported.notes


def same(one, other, tower):
    ours, theirs = compile_prompts(one, tower), compile_prompts(other, tower)
    assert ours.keys() == theirs.keys() == {"rgb", "rendering"}
    return all(torch.equal(ours[branch], theirs[branch]) for branch in ours) and all(
        torch.equal(one.aligner[key], other.aligner[key]) for key in one.aligner
    )


@pytest.mark.parametrize("stem", ["epoch_15.pth", "epoch_15"])
def test_a_stem_stands_for_its_pair(pair, tower, stem):
    """The scripts name a pair by the name that none of its files has."""
    assert same(read_released([pair[0].with_name(stem)]), read_released(pair), tower)


def test_a_stem_with_one_half_names_the_other(pair):
    """The missing file is told, not the stem."""
    pair[0].unlink()
    with pytest.raises(InputRejected, match=r"epoch_15_rgb\.pth"):
        read_released([pair[0].with_name("epoch_15.pth")])


def test_a_folder_stands_for_its_last_epoch(tmp_path, learner, tower):
    """`<data set>/<class>/weight/`, or the class; epoch 15 comes after 9, and a note says which was taken."""
    folder = tmp_path / "mvtec3d/carrot/weight"
    folder.mkdir(parents=True)
    for epoch in (9, 15):
        torch.save({"rgb_prompt_learner": learner(epoch)}, folder / f"epoch_{epoch}_rgb.pth")
        rendering = {"prompt_learner": learner(epoch + 1), "aligner": Aligner(DIM, seed=3).state_dict()}
        torch.save(rendering, folder / f"epoch_{epoch}_rendering.pth")
    files = [folder / "epoch_15_rgb.pth", folder / "epoch_15_rendering.pth"]
    for given in (folder, folder.parent):
        imported = read_released([given])
        assert same(imported, read_released(files), tower)
        assert any("epoch_15_rendering.pth and epoch_15_rgb.pth of 2 epochs" in note for note in imported.notes)
    with pytest.raises(InputRejected, match="name one of its classes: carrot"):
        read_released([tmp_path / "mvtec3d"])
    with pytest.raises(InputRejected, match=r"no epoch_k\.pth in it"):
        read_released([tmp_path])


def test_a_folder_of_pointad_holds_single_files(tmp_path, learner):
    """One file an epoch."""
    torch.save({"prompt_learner": learner(1)}, tmp_path / "epoch_15.pth")
    assert read_released([tmp_path]).layout == "pointad"


@pytest.mark.parametrize("aligner_in", ["rgb", "rendering", "both"])
def test_an_rgb_file_may_call_its_learner_prompt_learner(tmp_path, learner, tower, pair, aligner_in):
    """Its name says which learner it is, and the aligner may lie in either file."""
    expected, aligner = read_released(pair), {"aligner": Aligner(DIM, seed=3).state_dict()}
    torch.save({"prompt_learner": learner(1)} | (aligner if aligner_in != "rendering" else {}), pair[0])
    torch.save({"prompt_learner": learner(2)} | (aligner if aligner_in != "rgb" else {}), pair[1])
    imported = read_released(pair)
    torch.testing.assert_close(compile_prompts(imported, tower)["rendering"], ClipPrompts(tower, depth=4, seed=2)())
    torch.testing.assert_close(compile_prompts(imported, tower)["rgb"], ClipPrompts(tower, depth=4, seed=1)())
    assert all(torch.equal(imported.aligner[key], expected.aligner[key]) for key in expected.aligner)


def test_two_aligners_that_differ_are_refused(pair, learner):
    """They are of two epochs, and nothing says which belongs to the prompts."""
    torch.save({"prompt_learner": learner(2), "aligner": Aligner(DIM, seed=4).state_dict()}, pair[1])
    with pytest.raises(InputRejected, match=r"aligner is also in epoch_15_rgb\.pth"):
        read_released(pair)
