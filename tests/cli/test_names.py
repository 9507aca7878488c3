"""Names that file systems and shells make difficult: one line and an exit code, or simply done."""

import sys

import pytest

from align3d_cli.cli.app import main
from align3d_cli.errors import UsageError
from align3d_cli.running.inputs import find_parts, with_named_output, with_outputs

pytestmark = pytest.mark.slow  # each test starts programs


@pytest.fixture
def refusal(monkeypatch, capsys, tmp_path, write_ball):
    """`refusal(*words)`: what a refused call says; it runs beside a scan and a link to itself, `loop`."""
    (tmp_path / "loop").symlink_to("loop")
    write_ball(tmp_path / "ball.ply")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["align3d", *words])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr().err
        assert end.value.code in (2, 4, 5) and "error: " in said, said
        return said

    return run


def refused(done, code, words):
    """Exit code, one line, no traceback."""
    assert done.code == code and words in done.err
    assert "Traceback" not in done.err and done.err.count("\n") == 1


def test_a_name_that_is_too_long_is_refused_in_one_line(align3d):
    """No file system has it, and asking for it is an error of its own there."""
    refused(align3d("score", "b" * 300 + ".ply"), 4, "cannot be opened (File name too long)")


def test_a_circle_of_links_as_output_is_refused_in_one_line(align3d, parts, tmp_path):
    """Nothing can be written through it."""
    loop = tmp_path / "loop.ply"
    loop.symlink_to(loop)
    done = align3d("score", parts / "ball.ply", "--out", loop)
    assert done.code in (2, 5) and "Traceback" not in done.err and "loop.ply" in done.err


def test_a_file_with_a_leading_dash_is_explained(align3d, parts, tmp_path):
    """Its name is read as options; the way out is said."""
    lead = tmp_path / "-lead.ply"
    lead.write_bytes((parts / "ball.ply").read_bytes())
    refused(align3d("score", "-lead.ply", cwd=tmp_path), 2, "write ./-lead.ply, or -- before it")


def test_a_file_named_twice_is_refused_by_its_own_name(tmp_path):
    """The message names what was typed, not a heat map nobody asked for."""
    file = tmp_path / "g.ply"
    file.write_bytes(b"")
    with pytest.raises(UsageError, match=r"g\.ply: is named more than once"):
        with_outputs(find_parts([str(file), str(file)]).parts, tmp_path / "heat", ".ply")


def test_an_own_input_reached_through_a_link_is_not_overwritten(tmp_path):
    """The heat map would replace the scan it was made from."""
    file, link = tmp_path / "g.ply", tmp_path / "l.ply"
    file.write_bytes(b"")
    link.symlink_to(file)
    with pytest.raises(UsageError, match="is the scan itself"):
        with_named_output(find_parts([str(file)]).parts, link, None, None)


@pytest.mark.parametrize(
    "call",
    [
        ["synth", "-n", "1", "--out", "s", "--from", "{}"],
        ["tune", "--steps", "1", "--imagenet", "{}", "--out", "t.safetensors"],
        ["tune", "--steps", "1", "--out", "{}"],
        ["tune", "--steps", "1", "--out", "t.safetensors", "--start", "{}"],
        ["render", "ball.ply", "--out", "{}"],
        ["synth", "-n", "1", "--out", "{}"],
        ["benchmark", "--run", "{}"],
        ["benchmark", "--dataset", "folder", "--root", "{}"],
        ["benchmark", "table", "{}"],
        ["calibrate", "--root", "{}", "--out", "c.safetensors"],
        ["baseline", "save", "{}", "--out", "b.json"],
        ["baseline", "save", "ball.ply", "--out", "{}"],
        ["baseline", "compare", "ball.ply", "--baseline", "{}"],
        ["weights", "manifest", "{}"],
        ["weights", "import", "{}", "--out", "i.safetensors"],
    ],
    ids=lambda call: " ".join(call),
)
@pytest.mark.parametrize("name", ["b" * 300, "loop"])
def test_names_that_no_file_system_has_are_refused_wherever_they_are_given(refusal, call, name):
    """300 letters, and a link that leads in a circle: the name is told, before any work."""
    assert name in refusal(*(word.format(name) for word in call))
