"""Fields of a message are told apart as protobuf itself does, and what is no message is told."""

import random

import pytest

from align3d_cli.helpers.protobuf import counted, fields

onnx = pytest.importorskip("onnx", reason="ONNX is an optional extra: pip install align3d[export]")


def example():
    """A message of every kind of value: words, messages, whole numbers up to 64 bits, fractions."""
    node = onnx.helper.make_node("Scale", ["x"], ["y"], alpha=0.5, axes=[-1, 2**40], note="ü")
    return onnx.helper.make_graph([node], "g" * 300, [], [])


def test_fields_are_those_that_protobuf_finds():
    """Numbers and values of a graph's own fields, in order."""
    graph = example()
    found = [(one.number, bytes(one.value)) for one in fields(memoryview(graph.SerializeToString()))]
    assert found == [(1, graph.node[0].SerializeToString()), (2, b"g" * 300)]


def test_whole_numbers_and_fractions_are_passed_over_rightly():
    """An attribute has a name, numbers as varints and 4 bytes of a fraction: all that follows is found."""
    for attribute in example().node[0].attribute:
        again = onnx.AttributeProto()
        again.ParseFromString(attribute.SerializeToString())
        numbers = [one.number for one in fields(memoryview(attribute.SerializeToString()))]
        assert {1, 20} <= set(numbers) and again == attribute


def test_what_is_written_is_read():
    """A field of bytes of any length, and where it starts."""
    data = counted(14, b"a" * 5) + counted(14, b"b" * 70_000)
    first, second = fields(memoryview(data))
    assert (first.number, first.start, bytes(first.value)) == (14, 0, b"aaaaa")
    assert (second.start, len(second.value)) == (7, 70_000)


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\x05abc", b"\xff" * 11, b"\x0b", b"\x0d\x01", b"\x0a\xff\xff\xff\xff\x7f"]
)
def test_what_is_no_message_is_told(data):
    """Cut off in a key, in a value, a number without an end, a group, a length beyond the end."""
    with pytest.raises(ValueError):
        list(fields(memoryview(data)))


def test_bytes_of_any_kind_end():
    """Seeded noise: fields or ValueError, never another error, never without an end."""
    rng = random.Random(0)
    for _ in range(2000):
        data = memoryview(rng.randbytes(rng.randrange(40)))
        try:
            assert sum(1 for _ in fields(data)) <= len(data)
        except ValueError:
            continue
