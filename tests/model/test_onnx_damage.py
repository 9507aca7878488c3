"""Whatever an .onnx holds, loading it ends in a model or in one line with exit code 5."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("onnx", reason="ONNX is an optional extra: pip install align3d[export]")
pytest.importorskip("onnxruntime", reason="ONNX is an optional extra: pip install align3d[export]")

import onnx

from align3d_cli.errors import WeightsRejected
from align3d_cli.model.bundle import Bundle, load_bundle, save_bundle
from align3d_cli.model.contents import GRAPH
from align3d_cli.model.header import METADATA_KEY
from align3d_cli.model.inspector import Inspector
from align3d_cli.render.settings import ViewSettings

helper, FLOAT = onnx.helper, onnx.TensorProto.FLOAT
SIDE, TOKENS = 16, 4
ENCODER = {
    "name": "onnx", "tower": "by hand", "style": "grey", "image_size": SIDE, "channels": 3, "rows": 2, "columns": 2,
    "class_token": False,
}  # fmt: skip


def end(name, *sizes):
    return helper.make_tensor_value_info(name, FLOAT, ["views", *sizes])


def graph(columns: int = 2, tokens: int = TOKENS, stated: int | None = None) -> onnx.ModelProto:
    """A tower by hand: means of the image, and of its quarters, as many columns as there are channels."""
    half = SIDE // 2
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Slice", ["means", "zero", "k", "one"], ["view_cosines"]),
        helper.make_node("AveragePool", ["images"], ["quarters"], kernel_shape=[half, half], strides=[half, half]),
        helper.make_node("Reshape", ["quarters", "flat"], ["flat_quarters"]),
        helper.make_node("Transpose", ["flat_quarters"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("Slice", ["turned", "zero", "k", "two"], ["patch_cosines"]),
    ]
    numbers = {"zero": [0], "k": [columns], "one": [1], "two": [2], "flat": [0, 3, tokens]}
    given = [onnx.numpy_helper.from_array(np.array(value, np.int64), name) for name, value in numbers.items()]
    ends = [end("view_cosines", columns), end("patch_cosines", stated or tokens, columns)]
    made = helper.make_graph(nodes, "by hand", [end("images", 3, SIDE, SIDE)], ends, initializer=given)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def bundle(model: "onnx.ModelProto | bytes", **encoder) -> Bundle:
    """A model of the rendering branch on that graph, whose checksum is right."""
    data = model if isinstance(model, bytes) else model.SerializeToString()
    tensors = {"text.rendering": torch.eye(2), GRAPH: torch.frombuffer(bytearray(data), dtype=torch.uint8)}
    return Bundle("by hand", ENCODER | encoder, tensors, ViewSettings("front:1", 1, SIDE))


@pytest.fixture
def whole(tmp_path):
    """The file of a whole model."""
    return save_bundle(tmp_path / "m.onnx", bundle(graph())).path


def refusal(path) -> str:
    """What is said of a file that no model comes of."""
    with pytest.raises(WeightsRejected) as caught:
        inspector = Inspector(load_bundle(path))
        inspector.encoder.encode(torch.zeros(1, 3, SIDE, SIDE))
    text = str(caught.value)
    assert caught.value.exit_code == 5 and "\n" not in text and text.startswith(str(path))
    return text


def test_the_tower_by_hand_is_a_model(whole):
    """What is refused below is refused for what was changed."""
    views, patches = Inspector(load_bundle(whole)).encoder.encode(torch.full((5, 3, SIDE, SIDE), 0.25))
    assert torch.equal(views, torch.full((5, 2), 0.25)) and torch.equal(patches, torch.full((5, TOKENS, 2), 0.25))


def test_every_byte_counts(whole):
    """The file cut anywhere or with one byte changed anywhere is not the one that was written."""
    data, rng = whole.read_bytes(), random.Random(0)
    for at in [*range(12), *rng.sample(range(len(data)), 60), len(data) - 1]:
        whole.write_bytes(data[:at])
        assert "not an align3d model" in refusal(whole)
        whole.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :])
        refusal(whole)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" * 20, b"\x00" * 100, b"\x80\x04."], ids=repr)
def test_what_is_no_onnx_is_told(whole, content):
    """An empty file, text, an archive, zeros, a pickle."""
    whole.write_bytes(content)
    assert "no ONNX file that `align3d export` wrote" in refusal(whole)


def test_an_onnx_of_others_is_told(whole):
    """A graph that is whole and has no metadata, or that of others."""
    model = graph()
    onnx.save(model, whole)
    assert "no ONNX file that `align3d export` wrote" in refusal(whole)
    model.metadata_props.add(key=METADATA_KEY, value="yes")
    onnx.save(model, whole)
    refusal(whole)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda facts: facts["calibration"].update(threshold=0.01), "edited since it was written"),
        (lambda facts: facts.update(format=9), "format 9"),
        (lambda facts: facts["encoder"].update(rows=10**9), "edited"),
        (lambda facts: facts.pop("sha256") and facts["encoder"].update(rows=10**9), "rows 1000000000"),
        (lambda facts: facts.pop("sha256") and facts["encoder"].pop("style"), "style: is missing"),
        (lambda facts: facts.pop("sha256") and facts["encoder"].update(path="/etc/passwd"), "no such setting"),
    ],
)
def test_settings_that_were_changed_are_told(whole, change, told):
    """By hand in the file: the checksum says so, and where that is taken out, the settings check themselves."""
    model = onnx.load(whole)
    (entry,) = (one for one in model.metadata_props if one.key == METADATA_KEY)
    facts = json.loads(entry.value)
    change(facts)
    entry.value = json.dumps(facts)
    onnx.save(model, whole)
    assert told in refusal(whole)


@pytest.mark.parametrize("path", ["/etc/passwd", "../../secret", "numbers.bin"])
def test_a_graph_never_reads_other_files(whole, path):
    """Numbers in a file outside, beside or above the model are refused, its checksum right or not."""
    model = graph()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=path)
    whole.with_name("numbers.bin").write_bytes(bytes(64))
    save_bundle(whole, bundle(model))
    assert "names other files" in refusal(whole)


def unknown_operator() -> onnx.ModelProto:
    model = graph()
    model.graph.node[0].domain = "of.others"
    return model


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda: bundle(b"\xff" * 40), id="noise"),
        pytest.param(lambda: bundle(graph().SerializeToString()[:-30]), id="cut"),
        pytest.param(lambda: bundle(unknown_operator()), id="unknown operator"),
        pytest.param(lambda: bundle(graph(columns=3)), id="other columns"),
        pytest.param(lambda: bundle(graph(), image_size=32), id="other size"),
        pytest.param(lambda: bundle(graph(), channels=1), id="other channels"),
        pytest.param(lambda: bundle(graph(), rows=3), id="other grid"),
        pytest.param(lambda: bundle(graph(tokens=5)), id="does not run"),
        pytest.param(lambda: bundle(graph(tokens=2, stated=4)), id="gives other shapes"),
        pytest.param(lambda: replace(bundle(graph()), views=ViewSettings("front:1", 1, 32)), id="other views"),
    ],
)
def test_a_graph_that_does_not_belong_to_its_settings_is_told(whole, made):
    """Checksums are right, as of somebody who means it."""
    save_bundle(whole, made())
    refusal(whole)


def test_a_graph_that_is_missing_is_told(tmp_path):
    """A safetensors file that says it is exported and holds no graph, or floats for one."""
    path = tmp_path / "m.safetensors"
    model = bundle(graph())
    save_bundle(path, replace(model, tensors={"text.rendering": torch.eye(2)}))
    assert "holds no graph" in refusal(path)
    save_bundle(path, replace(model, tensors=model.tensors | {GRAPH: torch.zeros(8)}))
    assert "no row of bytes" in refusal(path)
