"""Whether an ONNX graph holds all its own numbers: tensors may name files anywhere on the machine that runs them."""

from align3d_cli.helpers.protobuf import fields

# Which fields of each message of onnx.proto hold messages that tensors are in, by their numbers.
CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # of a tensor: where its file is, and that it lies in one


def names_files(graph: memoryview) -> bool:
    """Whether a tensor of the graph, at whatever depth, lies in another file. Raises ValueError for no such graph."""
    waiting = [("model", graph)]
    while waiting:
        kind, data = waiting.pop()
        for field in fields(data):
            if kind == "tensor" and (field.number == EXTERNAL_DATA or (field.number == DATA_LOCATION and field.value)):
                return True
            inner = CHILDREN[kind].get(field.number)
            if inner and isinstance(field.value, memoryview):
                waiting.append((inner, field.value))
    return False
