"""Tensors in files outside a graph are found wherever they hide in it."""

import numpy as np
import pytest

from align3d_cli.encoders.onnx_bytes import names_files

onnx = pytest.importorskip("onnx", reason="ONNX is an optional extra: pip install align3d[export]")
helper = onnx.helper


def tensor(outside: bool):
    """A small tensor, its numbers in itself or in a file of this machine."""
    made = onnx.numpy_helper.from_array(np.ones(3, np.float32), "t")
    if outside:
        made.ClearField("raw_data")
        made.data_location = onnx.TensorProto.EXTERNAL
        made.external_data.add(key="location", value="../../etc/passwd")
    return made


def graph_of(nodes=(), tensors=(), sparse=()):
    """A graph that holds them."""
    return helper.make_graph(list(nodes), "g", [], [], initializer=list(tensors), sparse_initializer=list(sparse))


def in_sparse(outside: bool):
    """A sparse tensor whose values lie there."""
    indices = onnx.numpy_helper.from_array(np.arange(3), "i")
    made = onnx.SparseTensorProto(values=tensor(outside), indices=indices, dims=[9])
    made.values.name = "s"
    return made


PLACES = {
    "initializer": lambda out: graph_of(tensors=[tensor(out)]),
    "attribute": lambda out: graph_of([helper.make_node("Constant", [], ["c"], value=tensor(out))]),
    "list of an attribute": lambda out: graph_of([helper.make_node("X", [], ["c"], values=[tensor(out)])]),
    "branch": lambda out: graph_of(
        [helper.make_node("If", ["b"], ["c"], then_branch=graph_of(tensors=[tensor(out)]), else_branch=graph_of())]
    ),
    "sparse initializer": lambda out: graph_of(sparse=[in_sparse(out)]),
    "sparse attribute": lambda out: graph_of([helper.make_node("Constant", [], ["c"], sparse_value=in_sparse(out))]),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("outside", [True, False])
def test_a_file_is_found_wherever_it_is_named(place, outside):
    """Every place of onnx.proto that a tensor may stand at, with its numbers outside and inside."""
    data = helper.make_model(PLACES[place](outside)).SerializeToString()
    assert names_files(memoryview(data)) == outside


def test_a_file_is_found_in_a_function():
    """Functions of a model hold nodes of their own."""
    node = helper.make_node("Constant", [], ["c"], value=tensor(True))
    made = helper.make_function("own", "f", [], ["c"], [node], [helper.make_opsetid("", 17)])
    data = helper.make_model(graph_of(), functions=[made]).SerializeToString()
    assert names_files(memoryview(data))


def test_a_location_alone_is_enough():
    """A tensor that says it lies outside and not where."""
    made = tensor(False)
    made.data_location = onnx.TensorProto.EXTERNAL
    assert names_files(memoryview(helper.make_model(graph_of(tensors=[made])).SerializeToString()))


def test_every_message_that_holds_tensors_is_known():
    """The table against onnx's own description: a place for tensors that a later version adds is told here."""
    from align3d_cli.encoders.onnx_bytes import CHILDREN

    kinds = {
        "model": onnx.ModelProto, "training": onnx.TrainingInfoProto, "function": onnx.FunctionProto,
        "graph": onnx.GraphProto, "node": onnx.NodeProto, "attribute": onnx.AttributeProto,
        "sparse": onnx.SparseTensorProto, "tensor": onnx.TensorProto,
    }  # fmt: skip
    name_of = {kind.DESCRIPTOR.full_name: name for name, kind in kinds.items()}
    for name, kind in kinds.items():
        messages = [one for one in kind.DESCRIPTOR.fields if one.message_type is not None]
        inner = {one.number: name_of.get(one.message_type.full_name) for one in messages}
        assert CHILDREN[name] == {number: child for number, child in inner.items() if child}
