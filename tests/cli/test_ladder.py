"""Good parts, folders and CAD models as their users name them: `score --good --among --reference` and `teach`."""

import json
import struct
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

import align3d_cli as align3d
from align3d_cli.cli.app import app
from align3d_cli.cli.teach import varying
from align3d_cli.errors import UsageError
from align3d_cli.report.result import result_schema
from align3d_cli.running.batch import BatchSettings
from align3d_cli.running.record import key_of
from tests.reference.plates import DENT_DEPTH, heights, in_dent, plate

pytestmark = pytest.mark.slow  # most tests start programs

EXAMPLES = Path(__file__).parents[2] / "examples"
GRID = 40  # corners along a side of the CAD model


def write_ply(path: Path, xyz: np.ndarray) -> None:
    """Points as binary ply."""
    path.parent.mkdir(exist_ok=True)
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(xyz)}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz") + "end_header\n"
    path.write_bytes(header.encode() + xyz.astype("<f4").tobytes())


def write_stl(path: Path) -> None:
    """The plate as it was designed, as binary STL."""
    x, y = np.meshgrid(*[np.linspace(0, 1, GRID)] * 2)
    xyz = np.stack([x, y, heights(x, y, 0)], axis=-1)
    a, b, c, d = xyz[:-1, :-1], xyz[:-1, 1:], xyz[1:, 1:], xyz[1:, :-1]
    corners = np.concatenate([np.stack(three, axis=2).reshape(-1, 9) for three in ((a, b, c), (a, c, d))])
    rows = np.zeros(len(corners), [("normal", "<f4", 3), ("corners", "<f4", 9), ("rest", "<u2")])
    rows["corners"] = corners
    path.write_bytes(bytes(80) + struct.pack("<I", len(rows)) + rows.tobytes())


@pytest.fixture(scope="module")
def line(tmp_path_factory) -> Path:
    """good/1..3.ply, parts/a..d.ply of which a is dented, nominal.stl, and two files that are no good parts."""
    root = tmp_path_factory.mktemp("line")
    for seed in (1, 2, 3):
        write_ply(root / "good" / f"{seed}.ply", plate(seed, grid=False).scan.xyz)
    for number, name in enumerate("abcd"):
        write_ply(root / "parts" / f"{name}.ply", plate(10 + number, dent=name == "a", grid=False).scan.xyz)
    write_stl(root / "nominal.stl")
    write_ply(root / "inch" / "b.ply", plate(11, grid=False).scan.xyz / 25.4)
    (root / "cut.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 9\n")
    return root


def one_line(run, code: int) -> str:
    """The error of a run that ended with that code: one line, and nothing on stdout."""
    assert (run.code, run.out) == (code, ""), run.err
    (line,) = run.err.splitlines()
    return line


def test_one_good_part(align3d, line, model, tmp_path):
    """Its result fits the schema and says what was known; the map holds the deviation of every point, in file order."""
    arguments = ["--good", line / "good/1.ply", "--json", "--model", model]
    run = align3d("score", line / "parts/a.ply", *arguments, "--out", tmp_path / "heat.npz")
    assert run.code == 0, run.err
    result = json.loads(run.out)
    jsonschema.validate(result, result_schema())
    known = result["references"]
    assert known["kind"] == "good" and known["parts"] == [str(line / "good/1.ply")] and known["laid"]
    with np.load(tmp_path / "heat.npz") as map:
        inside = in_dent(map["points"])
        assert abs(np.nanmean(map["deviation"][inside])) > 0.5 * DENT_DEPTH
        assert np.nanmedian(np.abs(map["deviation"][~inside])) < 0.1 * DENT_DEPTH


def test_what_was_known_is_told_to_people(align3d, line, model, tmp_path):
    """The line and the page say beside what a part was judged and which evidence spoke; the ply has a new scalar."""
    arguments = ["--good", line / "good/1.ply", "--model", model, "--report", tmp_path / "page.html"]
    run = align3d("score", line / "parts/a.ply", *arguments, "--out", tmp_path / "heat.ply")
    assert run.code == 0 and "beside 1 good part: " in run.out, run.err
    assert b"property float scalar_deviation" in (tmp_path / "heat.ply").read_bytes()[:800]
    page = (tmp_path / "page.html").read_text()
    assert "judged beside" in page and "laid onto them" in page


@pytest.fixture(scope="module")
def beside_folder(align3d, line, model) -> list[dict]:
    """All parts beside the folder of good ones."""
    run = align3d("score", line / "parts", "--good", line / "good", "--model", model, "--json")
    assert run.code == 0, run.err
    return json.loads(run.out)


def test_a_folder_of_good_parts(beside_folder, line):
    """All its scans count, and the dented part is the worst."""
    for result in beside_folder:
        jsonschema.validate(result, result_schema())
        assert result["references"]["parts"] == [str(line / f"good/{seed}.ply") for seed in (1, 2, 3)]
    scores = [result["score"] for result in beside_folder]
    assert max(scores) == scores[0] and beside_folder[0]["verdict"] == "defective"


@pytest.fixture(scope="module")
def taught(align3d, line, model):
    """`teach` of the folder, with what it printed."""
    out = ["--out", line / "line3.safetensors", "--varies", line / "varies.ply"]
    run = align3d("teach", line / "good", *out, "--model", model, "--json")
    assert run.code == 0, run.err
    return line / "line3.safetensors", json.loads(run.out)


def test_a_taught_model_judges_as_its_good_parts_do(align3d, taught, beside_folder, line):
    """Named one by one or stored: the same score, verdict and account."""
    path, learned = taught
    assert learned["out"] == str(path) and len(learned["parts"]) == 3 and learned["laid_parts"] == 3
    assert learned["alarms"] == 0 and learned["interval"] == [0.0, 0.7076]
    run = align3d("score", line / "parts/a.ply", "--model", path, "--json")
    result = json.loads(run.out)
    for field in ("score", "threshold", "verdict", "references"):
        assert result[field] == beside_folder[0][field], field


def test_where_good_parts_vary_is_told(align3d, taught, line):
    """Plates that differ by noise vary nowhere, which the JSON says, and the labelled part is a scan like any other."""
    varies = taught[1]["varies"]
    assert varies["part"].startswith(str(line)) and varies["places"] == [] and varies["unit"] is None
    assert 0 < varies["middle"] < varies["level"] < DENT_DEPTH
    assert b"property float scalar_varies" in (line / "varies.ply").read_bytes()[:600]
    refused = align3d("teach", line / "good/1.ply", "--out", line / "m.safetensors", "--varies", line / "v.ply")
    assert "a lone good part varies from nothing" in one_line(refused, 2)


def test_a_taught_model_takes_no_other_good_parts(align3d, taught, line):
    """Two things known contradict each other, and nothing is forgotten in silence."""
    run = align3d("score", line / "parts/a.ply", "--model", taught[0], "--good", line / "good/1.ply")
    assert "knows good parts already" in one_line(run, 2)


def test_several_good_parts_and_another_format(align3d, line, model):
    """--good can be repeated, and --input-format is of what comes in, not of good parts that name their own format."""
    known = ["--good", line / "good/1.ply", "--good", line / "good/2.ply"]
    stream = (line / "nominal.stl").read_bytes()
    run = align3d("score", "-", "--input-format", "stl", *known, "--model", model, "--json", stdin=stream)
    assert run.code == 0, run.err
    assert len(json.loads(run.out)["references"]["parts"]) == 2


def test_the_parts_of_a_folder_among_each_other(align3d, line, model, tmp_path):
    """Four parts, one of them dented, which nobody said: it is the highest, and results name all that were compared."""
    run = align3d("score", line / "parts", "--among", "--out-dir", tmp_path / "heat", "--jsonl", "--model", model)
    assert run.code == 0, run.err
    results = [json.loads(text) for text in run.out.splitlines()]
    for result in results:
        jsonschema.validate(result, result_schema())
        assert result["references"]["kind"] == "among" and len(result["references"]["parts"]) == 4
    scores = [result["score"] for result in results]
    assert max(scores) == scores[0] and len(list((tmp_path / "heat").glob("*.ply"))) == 4


def test_too_few_parts_to_compare(align3d, line, model):
    """Three that can be read and a damaged one: how many, which cannot, what else there is."""
    parts = [line / "parts" / f"{name}.ply" for name in "abc"]
    told = one_line(align3d("score", *parts, line / "cut.ply", "--among", "--model", model), 4)
    assert "3 of 4 parts" in told and "cut.ply cannot be scored" in told and "--good" in told


def test_a_cad_model(align3d, line, model):
    """Parts are laid onto it; one in another unit is an error that says so, and no verdict."""
    scans = [line / "parts/a.ply", line / "inch/b.ply"]
    run = align3d("score", *scans, "--reference", line / "nominal.stl", "--model", model, "--jsonl")
    assert run.code == 6
    dented, other = (json.loads(text) for text in run.out.splitlines())
    jsonschema.validate(dented, result_schema())
    assert dented["references"]["kind"] == "reference" and dented["references"]["laid"]
    assert dented["verdict"] == "defective"
    assert other["error"]["exit_code"] == 4
    assert other["error"]["message"].startswith(f"{line}/inch/b.ply: cannot be laid onto {line}/nominal.stl: ")
    assert "inch" in other["error"]["message"].removeprefix(f"{line}/inch")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--good", "g.ply", "--among"], "--good and --among: give one"),
        (["--good", "g.ply", "--reference", "r.stl"], "--good and --reference: give one"),
        (["--reference", "r.stl", "--among"], "--reference and --among: give one"),
        (["--among", "--split"], "--among and --split: give one"),
        (["--among", "--engine", "ray"], "--among: only with --engine local"),
        (["--among", "--out-dir", "heat", "--resume"], "--resume and --among: give one"),
        (["--reference", "."], "--reference .: is no file"),
        (["--good", "-"], "a good part cannot come on standard input"),
        (["-", "--input-format", "ply", "--among"], "--among and -: standard input can be read once only"),
    ],
)
def test_what_contradicts_each_other_is_a_usage_error(arguments, words):
    """One line that names the two, before anything is read or loaded."""
    done = CliRunner().invoke(app, ["score", "part.ply", *arguments])
    assert isinstance(done.exception, UsageError) and words in str(done.exception)
    assert "\n" not in str(done.exception)


@pytest.mark.parametrize("name", ["cut.ply", "not there.ply", "empty"])
@pytest.mark.parametrize("command", ["score", "teach"])
def test_a_good_part_that_cannot_be_read(align3d, line, model, tmp_path, command, name):
    """Nothing is scored or taught without it: one line with its name."""
    (line / "empty").mkdir(exist_ok=True)
    known = {
        "score": ["parts/a.ply", "--good", name],
        "teach": ["good/1.ply", name, "--out", tmp_path / "m.safetensors"],
    }
    run = align3d(command, *known[command], "--model", model, cwd=line)
    assert one_line(run, 4).startswith(f"error: {name}: ") and not (tmp_path / "m.safetensors").exists()


def test_other_good_parts_make_another_call(line, model, tmp_path):
    """What --resume goes on with has the same good parts, by name and by bytes."""
    mine = tmp_path / "good.ply"
    write_ply(mine, plate(1, grid=False).scan.xyz)
    settings = BatchSettings(str(model))
    keys = [
        key_of(settings),
        key_of(replace(settings, good=(str(mine),))),
        key_of(replace(settings, reference=str(mine))),
    ]
    write_ply(mine, plate(2, grid=False).scan.xyz)
    keys += [key_of(replace(settings, good=(str(mine),))), key_of(replace(settings, good=(str(line / "good/1.ply"),)))]
    assert len(set(keys)) == len(keys)


def test_teach_says_what_it_knows(align3d, line, model, tmp_path):
    """A line for people; a file that is there is kept without --force."""
    out = tmp_path / "lone.safetensors"
    run = align3d("teach", line / "good/1.ply", "--out", out, "--model", model)
    assert run.code == 0 and run.out.startswith(f"{out}: 1 good part; the threshold aims at 5 % false alarms")
    assert "exists" in one_line(align3d("teach", line / "good/1.ply", "--out", out, "--model", model), 2)


def test_where_good_parts_vary_for_people():
    """A line a place with its amount, size and centre, five at most; without places from where on it would be one."""
    place = {"id": 1, "mean": 0.31, "most": 0.52, "length": 14.2, "width": 8.0, "centre": [12.0, 3.5, 4.0]}
    found = {"part": "good/2.ply", "unit": "mm", "middle": 0.012, "level": 0.05, "places": [place]}
    told = varying({"parts": ["a", "b"], "varies": found})
    assert told == [
        "they vary at 1 place of good/2.ply, and lie 0.012 mm apart in its middle:",
        "  1: 0.31 mm apart, 0.52 at most, on 14.2 x 8 mm around (12, 3.5, 4)",
    ]
    assert varying({"parts": ["a", "b"], "varies": found | {"places": 7 * [place]}})[-1] == "  and 2 more, see --json"
    nowhere = found | {"places": [], "unit": None}
    assert varying({"parts": ["a", "b"], "varies": nowhere}) == ["nowhere do they lie more than 0.05 apart"]
    assert varying({"parts": ["a"], "varies": None}) == []
    assert "not known" in varying({"parts": ["a", "b"], "varies": None})[0]


def test_in_python(line, model, tmp_path):
    """`teach` gives another model, which can be saved and loaded; the one it was asked of stays as it was."""
    bare = align3d.load(model, device="cpu")
    known = bare.teach([line / "good/1.ply", line / "good/2.ply"])
    again = align3d.load(known.save(tmp_path / "line3.safetensors"))
    one, other = known.score(line / "parts/a.ply"), again.score(line / "parts/a.ply")
    np.testing.assert_array_equal(one.points, other.points)
    assert one.score == other.score and one.inspection.beside.account["kind"] == "good"
    assert bare.references is None and bare.score(line / "parts/a.ply").inspection.beside is None
    with pytest.raises(UsageError, match="name one at least"):
        bare.teach([])


def test_the_shipped_model_beside_a_shipped_good_part():
    """The dented chessman beside a good one of its own family, which is another part: the model's word is kept, joined
    with theirs, or alone where they are too unlike."""
    known = align3d.load(device="cpu").teach([EXAMPLES / "chessman/good/003.ply"])
    found = known.score(EXAMPLES / "chessman/dent/001.ply")
    jsonschema.validate(json.loads(json.dumps(found.result())), result_schema())
    assert found.verdict == "defective"
