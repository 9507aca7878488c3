"""What the header of a mesh file promises, checked before trimesh gets to see the file."""

import json
import re
import struct

from align3d_cli.io.source import Source, check_count

COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression")
STL_HEAD, STL_FACE = 84, 50  # bytes before the first face, bytes a face


def _check_stl(source: Source) -> None:
    """A binary STL is 84 + 50 faces bytes long; a text one begins with "solid" and has "facet" in it."""
    head = source.head(1024)
    if head.lstrip()[:5].lower() == b"solid" and b"facet" in head:
        return
    if len(head) < STL_HEAD:
        raise source.reject(f"{source.size} bytes are too few for an STL header", "it is cut off, export it again")
    (count,) = struct.unpack_from("<I", head, STL_HEAD - 4)
    source.stream.seek(STL_HEAD)
    check_count(source, count, STL_FACE, what="faces")
    source.stream.seek(0)
    if count == 0:
        raise source.reject("the STL has no faces", "export it again")


def _check_off(source: Source) -> None:
    """`OFF`, then vertex and face counts; every vertex takes 6 bytes at least, every face 8."""
    words = re.sub(rb"#[^\n]*", b"", source.head(65536)).split(None, 4)
    if not words or not words[0].upper().endswith(b"OFF"):
        raise source.reject("does not begin with OFF", "check that it is an OFF mesh")
    counts = words[1:3]
    if len(counts) < 2 or not all(c.isdigit() for c in counts):
        raise source.reject("the OFF header has no vertex and face counts", "it is cut off, export it again")
    check_count(source, int(counts[0]), 6, what="vertices")
    check_count(source, int(counts[1]), 8, what="faces")


def _check_glb(source: Source) -> None:
    """GLB: 12-byte header with the total length, then a JSON chunk that states every count."""
    head = source.head(20)
    if len(head) < 20 or head[:4] != b"glTF":
        raise source.reject("does not begin with a glTF header", "check that it is a binary glTF (.glb)")
    total, json_bytes = struct.unpack_from("<I", head, 8)[0], struct.unpack_from("<I", head, 12)[0]
    if total > source.size or json_bytes > source.size - 20:
        raise source.reject(
            f"header promises {total} bytes, the file has {source.size}", "it is cut off, export it again"
        )
    try:
        tree = json.loads(source.head(20 + json_bytes)[20:])
        counts = [int(a.get("count", 0)) for a in tree.get("accessors", [])]
        needs = [e for e in tree.get("extensionsRequired", []) if e in COMPRESSED]
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise source.reject("the glTF description is damaged", "export it again") from error
    if needs:
        raise source.reject(f"is compressed with {needs[0]}", "export it without mesh compression")
    for count in counts:
        check_count(source, count, 0, what="items in one accessor")


def _check_obj(source: Source) -> None:
    """Text without counts: nothing is promised, so there is nothing to check; binary data is refused."""
    if b"\0" in source.head(4096):
        raise source.reject("holds binary data", "check that it is an OBJ mesh")


CHECKS = {"stl": _check_stl, "obj": _check_obj, "glb": _check_glb, "off": _check_off}
