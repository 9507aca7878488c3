"""Which scans a call means, and where their heat maps go."""

from pathlib import Path

import pytest

from align3d_cli.errors import UsageError
from align3d_cli.running.inputs import (
    find_parts,
    format_of,
    refuse_own_input,
    stream_format,
    with_named_output,
    with_outputs,
)


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """parts/ with scans, a note, hidden files and ground truth; the current folder is its parent."""
    names = [
        "b.ply",
        "a.stl",
        "deep/er/c.PCD",
        "notes.txt",
        ".hidden.ply",
        "gt/a.txt",
        "gt/a.ply",
        ".git/x.ply",
        "a.png",
    ]
    for name in names:
        path = tmp_path / "parts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "parts"


def names_of(parts) -> list[str]:
    return [part.name for part in parts]


def outputs_of(parts) -> list[str]:
    return [str(part.output) for part in parts]


def test_folders_are_searched_for_scans_in_sorted_order(tree):
    """Scans at any depth, without hidden files, pictures and ground truth; notes are counted, not scored."""
    found = find_parts(["parts"])
    assert names_of(found.parts) == ["parts/a.stl", "parts/b.ply", "parts/deep/er/c.PCD"]
    assert [path.name for path in found.left_out] == ["notes.txt"]


def test_files_keep_the_order_of_the_call(tree):
    """What the user names first comes first, a named table too."""
    assert names_of(find_parts(["parts/notes.txt", "parts/b.ply"]).parts) == ["parts/notes.txt", "parts/b.ply"]


def test_the_output_folder_is_not_searched(tree):
    """Heat maps of an earlier call are not scored again."""
    found = find_parts(["parts"], avoid=tree / "deep")
    assert names_of(found.parts) == ["parts/a.stl", "parts/b.ply"]


def test_outputs_keep_the_folders_below_the_input(tree):
    """The tree of the inputs is found again in the outputs."""
    parts = with_outputs(find_parts(["parts"]).parts, Path("heat"), ".ply")
    assert outputs_of(parts) == ["heat/a.ply", "heat/b.ply", "heat/deep/er/c.ply"]


def test_files_of_one_name_from_two_folders_stay_apart(tree):
    """Where names clash, the folders are kept from the common one on."""
    (tree / "other").mkdir()
    (tree / "other" / "b.ply").write_bytes(b"")
    parts = with_outputs(find_parts(["parts/b.ply", "parts/other/b.ply"]).parts, Path("heat"), ".npz")
    assert outputs_of(parts) == ["heat/b.npz", "heat/other/b.npz"]


def test_two_formats_of_one_part_stay_apart(tree):
    """a.stl and a.obj both keep their suffix."""
    (tree / "a.obj").write_bytes(b"")
    parts = with_outputs(find_parts(["parts/a.obj", "parts/a.stl"]).parts, Path("heat"), ".ply")
    assert outputs_of(parts) == ["heat/a.obj.ply", "heat/a.stl.ply"]


def test_one_input_named_twice_is_refused(tree):
    """Two parts cannot be written to one file."""
    with pytest.raises(UsageError, match="is named more than once"):
        with_outputs(find_parts(["parts/b.ply", "parts/b.ply"]).parts, Path("heat"), ".ply")


def test_a_heat_map_never_replaces_its_scan(tree):
    """Even --force keeps the input."""
    with pytest.raises(UsageError, match="is the scan itself"):
        with_named_output(find_parts(["parts/b.ply"]).parts, Path("parts/../parts/b.ply"), None, None)
    with pytest.raises(UsageError, match="is the scan itself"):
        refuse_own_input(with_outputs(find_parts(["parts/b.ply"]).parts, Path("parts"), ".ply"))


def test_standard_input_is_read_once():
    """A stream has no second copy."""
    with pytest.raises(UsageError, match="once"):
        find_parts(["-", "-"])


@pytest.mark.parametrize(
    ("name", "format"), [("a.ply", "ply"), ("a.TIF", "tiff"), ("a.htm", "html"), ("a.b.png", "png"), ("a.glb", "glb")]
)
def test_the_suffix_says_the_format(name, format):
    """Upper case and short forms count too."""
    assert format_of(Path(name)) == format


def test_a_suffix_without_a_format_is_refused():
    """The message lists what there is."""
    with pytest.raises(UsageError, match=r"heat\.jpg: its name says no heat map format; .*\.ply \.npz"):
        format_of(Path("heat.jpg"))


def test_format_says_what_a_lone_stream_is():
    """`score - --format ply` needs no --input-format; a picture's format says nothing about the scan."""
    assert stream_format(["-"], "ply") == "ply"
    assert stream_format(["-"], "png") is None
    assert stream_format(["a.stl"], "ply") is None
