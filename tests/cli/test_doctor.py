"""`align3d doctor` tells what is there, and its exit code says whether scoring works."""

import json

import pytest

pytestmark = pytest.mark.slow  # each test starts programs


def test_the_exit_code_follows_the_findings(align3d):
    """0 when everything needed is there, else 5; what works is found, a GPU that is hidden is not."""
    run = align3d("doctor", "--json", CUDA_VISIBLE_DEVICES="")
    report = json.loads(run.out)
    assert run.code == (0 if report["ready"] else 5)
    assert report["ready"] == all(finding["ok"] for finding in report["findings"] if finding["needed"])
    found = {finding["name"]: finding for finding in report["findings"]}
    assert found["torch"]["ok"]
    assert found["renderer splat"]["ok"], found["renderer splat"]
    assert not found["onnxruntime"]["needed"] and not found["ray"]["needed"]
    assert not found["device cuda"]["ok"]
    assert "CPU" in found["device cuda"]["detail"]


def test_damaged_compiled_code_is_mended_and_told(align3d, tmp_path):
    """Files of numba's cache cut in half: doctor compiles anew and says so."""

    def splat_line() -> str:
        run = align3d("doctor", "--json", CUDA_VISIBLE_DEVICES="", NUMBA_CACHE_DIR=str(tmp_path))
        return next(found["detail"] for found in json.loads(run.out)["findings"] if found["name"] == "renderer splat")

    assert "compiled for the first time" in splat_line()
    for path in tmp_path.rglob("*.nb[ic]"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "was damaged and is compiled anew" in splat_line()
