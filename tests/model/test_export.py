"""A model and its ONNX file say the same: every profile and tower, any number of views, whatever it is taught."""

from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("onnx", reason="ONNX is an optional extra: pip install align3d[export]")
pytest.importorskip("onnxruntime", reason="ONNX is an optional extra: pip install align3d[export]")

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.encoders.encoder import Encoder, EncoderSpec
from align3d_cli.encoders.lite import LiteEncoder
from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.average import average_bundles
from align3d_cli.model.bundle import Bundle, load_bundle, save_bundle
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.contents import GRAPH
from align3d_cli.model.export import POINT_TOLERANCE, export_bundle
from align3d_cli.model.given import style_of
from align3d_cli.model.inspector import Inspector
from align3d_cli.model.onnx_graph import IR_VERSION, OPSET, Compared, onnx_graph
from align3d_cli.model.parts import bundle_encoder
from align3d_cli.render.settings import ViewSettings
from align3d_cli.training.data import Data
from align3d_cli.training.gather import Session, gather_features

TOWER = {"variant": "lite0", "embed_dim": 16, "image_size": 64, "width": 16, "token_stride": 8}


def lite_bundle() -> Bundle:
    """A random model of both branches on our own tower."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder, aligner = LiteEncoder(**TOWER), Aligner(16)
        text = [torch.nn.functional.normalize(torch.randn(2, 16), dim=1) for _ in range(2)]
    tensors = {f"encoder.{key}": value for key, value in encoder.state_dict().items()}
    tensors |= {f"aligner.{key}": value for key, value in aligner.state_dict().items()}
    tensors |= {"text.rendering": text[0], "text.rgb": text[1]}
    views, limits = ViewSettings(count=4, size_px=64), Calibration(threshold=0.4, colour_high=0.7)
    return Bundle("tiny", {"name": "lite"} | TOWER, tensors, views, calibration=limits, record={"seed": 0})


@pytest.fixture(scope="module")
def lite():
    """A random model and what is exported of it."""
    bundle = lite_bundle()
    return bundle, export_bundle(bundle).bundle


@pytest.fixture(scope="module")
def cloud():
    """An organised wavy plate with a bump: the published smoothing wants a grid."""
    u, v = np.meshgrid(np.linspace(-1, 1, 40), np.linspace(-1, 1, 40))
    z = 5 + 0.1 * np.sin(4 * u) + 0.3 * np.exp(-20 * ((u - 0.3) ** 2 + v**2))
    return PointCloud(np.stack([u, v, z], axis=-1).reshape(-1, 3), grid=(40, 40))


def differences(one: Bundle, other: Bundle, cloud: PointCloud, views: str | None = None) -> tuple[float, float]:
    """Largest difference of a point's score, and that of the object."""
    first, second = (Inspector(bundle, views=views).inspect(cloud, background="keep") for bundle in (one, other))
    assert np.nanstd(first.point_scores) > 10 * POINT_TOLERANCE  # scores that could differ
    return float(np.nanmax(np.abs(first.point_scores - second.point_scores))), abs(first.score - second.score)


@pytest.mark.parametrize("views", [None, "1", "7"])
def test_scores_are_those_of_the_model(lite, cloud, views):
    """Both branches of our own tower, from one view and from more than it was traced with."""
    points, score = differences(*lite, cloud, views)
    assert points < POINT_TOLERANCE and score < POINT_TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["paper", "align3d"])
def test_profiles_on_clip(clip_bundles, cloud, profile):
    """A ViT with V-V attention and a class token, as published and with the faults mended."""
    bundle = clip_bundles[profile]
    points, score = differences(bundle, export_bundle(bundle).bundle, cloud)
    assert points < POINT_TOLERANCE and score < POINT_TOLERANCE


def test_one_branch_has_two_columns(clip_bundles):
    """PointAD has no aligner and no RGB prompts."""
    made = export_bundle(clip_bundles["pointad"]).bundle
    assert made.branches == ("rendering",) and bundle_encoder(made, "cpu").spec.embed_dim == 2


def test_a_tower_that_pools_by_attention():
    """CoCa's, whose attention torch would run as one operator that no graph has."""
    vision = {
        "image_size": 32, "layers": 1, "width": 32, "patch_size": 8, "head_width": 8, "attentional_pool": True,
        "attn_pooler_heads": 2,
    }  # fmt: skip
    text = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    tower = {"name": "coca", "config": {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}, "random_seed": 0}
    prompts = {"text.rendering": torch.nn.functional.normalize(torch.randn(2, 16), dim=1)}
    export_bundle(Bundle("coca", tower, prompts, ViewSettings("front:1", 1, 32)))
    assert torch.backends.mha.get_fastpath_enabled()


class Spectral(Encoder):
    """A tower with an operator that no graph has."""

    def features(self, images):
        found = torch.linalg.svdvals(images.flatten(2)) * torch.ones(1)
        return found, found[:, None]


def test_what_torch_cannot_put_into_a_graph_is_told_in_one_line(capfd):
    """Its own dump of the graph, from C++, does not reach standard output, which is still open afterwards."""
    tower = Spectral(EncoderSpec("spectral", "grey", 16, 3, (1, 1), False, (0.0,) * 3, (1.0,) * 3))
    compared = Compared(tower, None, {"rendering": torch.eye(3)[:2]})
    refused(lambda: onnx_graph(compared, torch.rand(2, 3, 16, 16), "m"), "m: its image tower cannot be exported")
    print("open")
    assert capfd.readouterr() == ("open\n", "")


def test_a_file_gives_back_what_was_exported(lite, tmp_path):
    """All settings, the graph byte for byte, a hash of its own, and the model it was made of in its record."""
    bundle, made = lite
    saved = save_bundle(tmp_path / "m.onnx", made)
    found = load_bundle(tmp_path / "m.onnx")
    assert replace(found, tensors={}) == replace(saved, tensors={})
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in saved.tensors.items())
    assert (found.views, found.scoring, found.calibration) == (bundle.views, bundle.scoring, bundle.calibration)
    assert found.record["seed"] == 0 and found.record["export"]["opset"] == OPSET
    assert found.exported and style_of(found) == style_of(bundle) == "geometry"


def test_the_graph_is_whole_onnx(lite, tmp_path):
    """Metadata included: onnx's own checker takes the file, versions are those that are stated, every axis but that of
    the views is fixed, and no path of this machine is in it."""
    import onnx

    path = save_bundle(tmp_path / "m.onnx", lite[1]).path
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == IR_VERSION and [(o.domain, o.version) for o in model.opset_import] == [("", OPSET)]
    ends = {end.name: end.type.tensor_type.shape.dim for end in (*model.graph.input, *model.graph.output)}
    shapes = {name: [one.dim_param or one.dim_value for one in dims] for name, dims in ends.items()}
    assert shapes == {
        "images": ["views", 7, 64, 64],
        "view_cosines": ["views", 4],
        "patch_cosines": ["views", 64, 4],
    }
    assert sorted(one.key for one in model.metadata_props) == ["align3d", "align3d.tensors"]
    assert b"/align3d_cli/" not in path.read_bytes()


def test_exporting_again_gives_the_same_and_leaves_no_trace(lite, capfd):
    """The same bytes, so that the identity says something; nothing is printed, no thread and no flag of torch is
    another, and the model's own tensors keep their values."""
    bundle = lite[0]
    before = torch.get_num_threads(), {name: tensor.clone() for name, tensor in bundle.tensors.items()}
    assert torch.equal(export_bundle(bundle).bundle.tensors[GRAPH], lite[1].tensors[GRAPH])
    assert torch.get_num_threads() == before[0] and torch.is_grad_enabled()
    assert all(torch.equal(bundle.tensors[name], tensor) for name, tensor in before[1].items())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_those_of_torch(lite, threads):
    """Whoever holds torch to some cores holds onnxruntime to them too."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        session = Inspector(lite[1]).encoder.session
        assert session.get_session_options().intra_op_num_threads == threads
    finally:
        torch.set_num_threads(before)


def test_an_exported_model_can_be_calibrated(lite, tmp_path):
    """Other limits in a copy, the same graph; a model that is not exported goes into no .onnx."""
    made = replace(lite[1], calibration=Calibration(threshold=0.9))
    save_bundle(tmp_path / "m.onnx", made)
    found = load_bundle(tmp_path / "m.onnx")
    assert found.calibration.threshold == 0.9 and torch.equal(found.tensors[GRAPH], made.tensors[GRAPH])
    with pytest.raises(UsageError, match="is not exported"):
        save_bundle(tmp_path / "no.onnx", lite[0])


def test_a_graph_in_safetensors_is_the_same_model(lite, cloud, tmp_path):
    """As `teach --model m.onnx --out line.safetensors` writes it."""
    path = save_bundle(tmp_path / "m.safetensors", lite[1]).path
    assert differences(lite[1], load_bundle(path), cloud) == (0, 0)


def refused(call, *told: str) -> None:
    with pytest.raises(UsageError) as caught:
        call()
    assert "\n" not in str(caught.value) and all(words in str(caught.value) for words in told)


def test_what_cannot_be_exported_is_told(lite, clip_bundles):
    """No prompts yet, exported already, a tower of half precision."""
    bundle, made = lite
    bare = {name: tensor for name, tensor in bundle.tensors.items() if not name.startswith("text.")}
    refused(lambda: export_bundle(replace(bundle, tensors=bare)), "has no prompts yet")
    refused(lambda: export_bundle(made), "is exported")
    clip = clip_bundles["paper"]
    half = clip.encoder | {"settings": clip.encoder["settings"] | {"precision": "bfloat16"}}
    refused(lambda: export_bundle(replace(clip, encoder=half)), "bfloat16", "float32")


def test_networks_above_two_gigabytes_are_refused(lite, monkeypatch):
    """Before anything is traced; the limit stands for a tower that no test machine holds."""
    monkeypatch.setattr("align3d_cli.model.export.LARGEST", 1_000_000)
    refused(lambda: export_bundle(lite[0]), "0.0 GB", "2 GB")


def test_a_graph_that_says_something_else_is_refused(lite, monkeypatch):
    """The try before anything is written can fail: no graph equals its networks to the last bit."""
    monkeypatch.setattr("align3d_cli.model.export.POINT_TOLERANCE", 1e-12)
    refused(lambda: export_bundle(lite[0]), "cosines that differ")


def test_what_needs_features_is_told(lite, tmp_path):
    """Training and averaging: an exported model gives cosines alone."""
    data = Data("synthetic", None, (), "test", 1, 1, 0, "ours")
    refused(lambda: gather_features(lite[1], data, [], Session(store=tmp_path), rgb=False), ".safetensors model")
    refused(lambda: average_bundles([lite[1], lite[1]], [1, 1]), "is exported")


def test_a_gpu_is_not_asked_for_in_silence(lite):
    """One line says that an exported model runs on the CPU."""
    with pytest.raises(EnvironmentMissing, match="onnxruntime runs on the CPU here; use --device cpu"):
        Inspector(lite[1], device="cuda")
