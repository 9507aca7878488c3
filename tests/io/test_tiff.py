"""Organised scans as TIFF."""

import logging
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan
from align3d_cli.io.tiff_pixels import read_pixels


def scan(rows: int = 6, columns: int = 9) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, columns, 3)).astype(np.float32)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"rowsperstrip": 2}])
def test_pixels_become_rows_and_unmeasured_ones_nan(tmp_path, options):
    """H x W x 3 arrives row major with its grid; (0, 0, 0) and values that are not finite become NaN rows."""
    image = scan()
    image[1, 2], image[3, 4, 0], image[5, 8, 2] = 0, np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tiff", image, photometric="rgb", **options)
    cloud = read_scan(tmp_path / "a.tiff")
    assert cloud.grid == (6, 9)
    gone = [1 * 9 + 2, 3 * 9 + 4, 5 * 9 + 8]
    np.testing.assert_array_equal(np.flatnonzero(~cloud.valid), gone)
    assert np.isnan(cloud.xyz[gone]).all()
    np.testing.assert_array_equal(cloud.xyz[cloud.valid], image.reshape(-1, 3)[cloud.valid])


def test_a_zero_in_one_coordinate_is_a_measurement(tmp_path):
    """Only all three zero means that nothing was measured."""
    image = np.zeros((2, 2, 3), np.float32)
    image[0, 0] = (0, 0, 1)
    tifffile.imwrite(tmp_path / "a.tiff", image, photometric="rgb")
    np.testing.assert_array_equal(read_scan(tmp_path / "a.tiff").valid, [True, False, False, False])


def test_channels_apart(tmp_path):
    """Planes stored one after the other give the same cloud."""
    image = scan()
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(image, -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_scan(tmp_path / "a.tif").xyz, image.reshape(-1, 3))


def test_depth_needs_a_focal_length(tmp_path):
    """A depth map is refused without focal length and projected through the pinhole with it."""
    depth = np.array([[1.0, 2.0], [0.0, 4.0]], np.float32)
    tifffile.imwrite(tmp_path / "d.tiff", depth)
    with pytest.raises(InputRejected, match="--focal"):
        read_scan(tmp_path / "d.tiff")
    cloud = read_scan(tmp_path / "d.tiff", focal_px=0.5)
    np.testing.assert_array_equal(cloud.xyz, [[-1, -1, 1], [2, -2, 2], [np.nan] * 3, [4, 4, 4]])


def test_coordinates_on_pages_of_their_own_are_no_depth_map(tmp_path):
    """x, y and z as three images: refused, for the first alone would be read as depth."""
    tifffile.imwrite(tmp_path / "a.tiff", np.moveaxis(scan(), -1, 0), photometric="minisblack")
    with pytest.raises(InputRejected, match=r"several images.* H x W x 3"):
        read_scan(tmp_path / "a.tiff", focal_px=100.0)


def test_a_depth_map_with_a_damaged_second_header_reads(tmp_path):
    """What follows the first image and cannot be read is no second image."""
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, np.ones((6, 9), np.float32))
    data = bytearray(path.read_bytes())
    first = int.from_bytes(data[4:8], "little")
    following = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    data[following : following + 4] = (len(data) - 1).to_bytes(4, "little")
    path.write_bytes(data)
    assert read_scan(path, focal_px=100.0).grid == (6, 9)


def test_a_colour_picture_is_no_scan(tmp_path):
    """Bytes in three channels are a photograph, and four channels are nothing we know."""
    tifffile.imwrite(tmp_path / "rgb.tiff", np.zeros((4, 4, 3), np.uint8), photometric="rgb")
    tifffile.imwrite(tmp_path / "four.tiff", np.zeros((4, 4, 4), np.float32), photometric="rgb")
    with pytest.raises(InputRejected, match="colour picture"):
        read_scan(tmp_path / "rgb.tiff")
    with pytest.raises(InputRejected, match="4 channels of 32 bits are a colour picture"):
        read_scan(tmp_path / "four.tiff")


@pytest.mark.parametrize("keep", [0, 3, 8, 100, 0.5, 0.98])
def test_cut_files_are_refused(tmp_path, keep):
    """Wherever the file is cut, one line says so."""
    whole = tmp_path / "whole.tiff"
    tifffile.imwrite(whole, scan(40, 40), photometric="rgb", compression="zlib")
    data = whole.read_bytes()
    (tmp_path / "cut.tiff").write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(InputRejected) as caught:
        read_scan(tmp_path / "cut.tiff")
    assert "cut.tiff" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("predictor", [1, 2, 3])
@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_pixels_as_libtiff_packs_them(tmp_path, predictor, compression):
    """LZW, deflate and both predictors undo what libtiff (through Pillow) did, over several strips."""
    depth = np.random.default_rng(1).normal(2, 0.01, (300, 211)).astype(np.float32)
    depth[40:200] = np.round(depth[40:200], 1)
    tags = {317: predictor, 278: 128}
    Image.fromarray(depth).save(tmp_path / "d.tiff", compression=compression, tiffinfo=tags)
    with tifffile.TiffFile(tmp_path / "d.tiff") as tiff:
        assert (tiff.pages[0].predictor, len(tiff.pages[0].dataoffsets)) == (predictor, 3)
    cloud = read_scan(tmp_path / "d.tiff", focal_px=100)
    np.testing.assert_array_equal(cloud.xyz[:, 2].reshape(depth.shape), depth)


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_channels_packed_by_libtiff(tmp_path, compression):
    """Three channels with horizontal differences come back channel by channel."""
    picture = np.random.default_rng(2).integers(0, 255, (70, 50, 3), np.uint8)
    Image.fromarray(picture).save(
        tmp_path / "p.tiff", compression=compression, tiffinfo={317: 2} if compression else {}
    )
    with tifffile.TiffFile(tmp_path / "p.tiff") as tiff, (tmp_path / "p.tiff").open("rb") as stream:
        np.testing.assert_array_equal(read_pixels(stream, tiff.pages[0]), picture)


@pytest.mark.parametrize("compression", ["packbits", "zstd", "lzma", "lzw", "zlib"])
@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"rowsperstrip": 7}, {"planarconfig": "separate"}])
def test_every_lossless_compression(tmp_path, compression, options):
    """PackBits, Zstandard, LZMA, LZW and deflate give the pixels back, in strips, tiles and planes."""
    image = np.round(scan(30, 37), 1)
    stored = np.moveaxis(image, -1, 0) if "planarconfig" in options else image
    tifffile.imwrite(tmp_path / "a.tiff", stored, photometric="rgb", compression=compression, **options)
    np.testing.assert_array_equal(read_scan(tmp_path / "a.tiff").xyz, image.reshape(-1, 3))


def test_another_compression_is_named(tmp_path):
    """Lossy pictures are refused by the name of their compression."""
    tifffile.imwrite(tmp_path / "a.tiff", np.zeros((16, 16), np.uint8), compression="jpeg")
    with pytest.raises(InputRejected, match="compressed with JPEG, which we do not read; save it as 32-bit floats"):
        read_scan(tmp_path / "a.tiff", focal_px=100)


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.int32, np.uint32])
def test_whole_numbers_in_three_channels_are_coordinates(tmp_path, kind):
    """Three channels of 16 or 32 bits are x, y and z, with a note; (0, 0, 0) is no measurement there too."""
    image = np.arange(3 * 4 * 3).reshape(3, 4, 3).astype(kind)
    image[2, 1] = 0
    tifffile.imwrite(tmp_path / "a.tiff", image, photometric="rgb")
    cloud = read_scan(tmp_path / "a.tiff")
    np.testing.assert_array_equal(np.flatnonzero(~cloud.valid), [9])
    np.testing.assert_array_equal(cloud.xyz[cloud.valid], image.reshape(-1, 3)[cloud.valid])
    assert cloud.notes == (
        f"its three channels of {8 * np.dtype(kind).itemsize}-bit whole numbers are taken for x, y and z",
    )


@pytest.mark.parametrize("tag", ["TileWidth", "TileLength", "ImageWidth", "ImageLength", "RowsPerStrip"])
def test_sizes_of_zero(tmp_path, tag):
    """An image, tiles or strips without width or height are refused in one line."""
    path = tmp_path / "a.tiff"
    pieces = {"rowsperstrip": 8} if tag == "RowsPerStrip" else {"tile": (16, 16)}
    tifffile.imwrite(path, scan(32, 32), photometric="rgb", **pieces)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags[tag].overwrite(0)
    with pytest.raises(InputRejected, match=r"an image of \d+ x \d+ pixels in (strips|tiles) of"):
        read_scan(path)


def test_a_tile_many_times_larger_than_its_bytes(tmp_path):
    """A tile that would decode to far more than a scan compresses by is refused before room is made for it."""
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, scan(32, 32), photometric="rgb", tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for tag in ("TileWidth", "TileLength"):
            tiff.pages[0].tags[tag].overwrite(8192)
    with pytest.raises(InputRejected, match="far more than a scan compresses by"):
        read_scan(path)


def test_a_last_strip_that_its_writer_filled_up(tmp_path):
    """The last strip may hold as many rows as the others, more than the image has left."""
    path, image = tmp_path / "a.tiff", scan(16, 5)
    tifffile.imwrite(path, image, photometric="rgb", compression="zlib", rowsperstrip=8)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags["ImageLength"].overwrite(13)
    np.testing.assert_array_equal(read_scan(path).xyz, image[:13].reshape(-1, 3))


def test_the_log_of_tifffile_stays_as_it_was(tmp_path, caplog):
    """Reading a damaged file logs nothing, and leaves the level and filters of tifffile's logger alone."""
    logger = logging.getLogger("tifffile")
    before = logger.level, list(logger.filters)
    (tmp_path / "a.tiff").write_bytes(b"II*\0\x08\0\0\0\x01\0" + b"\xff" * 40)
    with pytest.raises(InputRejected, match="header does not hold together"):
        read_scan(tmp_path / "a.tiff")
    assert (logger.level, list(logger.filters)) == before and not caplog.records


def test_big_endian_pixels(tmp_path):
    """Byte order is the file's own."""
    image = scan()
    tifffile.imwrite(tmp_path / "a.tiff", image, photometric="rgb", byteorder=">", compression="zlib")
    np.testing.assert_array_equal(read_scan(tmp_path / "a.tiff").xyz, image.reshape(-1, 3))


def test_damaged_pixels_are_refused(tmp_path):
    """Deflated data that does not inflate is refused."""
    tifffile.imwrite(tmp_path / "a.tiff", scan(40, 40), photometric="rgb", compression="zlib")
    data = bytearray((tmp_path / "a.tiff").read_bytes())
    data[-2000:-1000] = b"\xff" * 1000
    (tmp_path / "a.tiff").write_bytes(data)
    with pytest.raises(InputRejected, match=r"a\.tiff"):
        read_scan(tmp_path / "a.tiff")


def bomb(path, *, rows: int, strip: bytes) -> None:
    """A deflated H x 6000 x 3 float tiff whose one strip is `strip`."""
    tifffile.imwrite(path, np.zeros((1, 6000, 3), np.float32), photometric="rgb", compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tags = tiff.pages[0].tags
        tags["ImageLength"].overwrite(rows)
        tags["RowsPerStrip"].overwrite(rows)
        size = path.stat().st_size
        tags["StripOffsets"].overwrite(size)
        tags["StripByteCounts"].overwrite(len(strip))
    with path.open("ab") as stream:
        stream.write(strip)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory of one process is read from /proc")
@pytest.mark.parametrize("rows", [5800, 1])
def test_a_bomb_costs_neither_time_nor_memory(tmp_path, rows):
    """400 MB of zeros in 400 kB, declared (5800 rows) or hidden (1 row), are refused early and without the memory."""
    path = tmp_path / "bomb.tiff"
    deflate = zlib.compressobj(9)
    bomb(path, rows=rows, strip=b"".join(deflate.compress(bytes(6000 * 12)) for _ in range(5800)) + deflate.flush())
    assert path.stat().st_size < 500_000
    code = (
        "import sys, time\nfrom align3d_cli.errors import InputRejected\n"
        "from align3d_cli.io.read import read_scan\nstart = time.process_time()\n"
        "try:\n    read_scan(sys.argv[1])\nexcept InputRejected as error:\n    print(error)\nelse:\n    sys.exit(9)\n"
        "peak = [line for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "print(time.process_time() - start, peak[0].split()[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    message, figures = done.stdout.splitlines()
    seconds, kilobytes = map(float, figures.split())
    assert "bomb.tiff" in message
    assert seconds < 1 and kilobytes < 200_000


@pytest.mark.slow
def test_a_large_nearly_empty_scan_passes(tmp_path):
    """4000 x 4000 pixels, one tenth of them measured and deflated, are a scan and no bomb."""
    image = np.zeros((4000, 4000, 3), np.float32)
    image[1000:2200, 1000:2200] = np.random.default_rng(0).random((1200, 1200, 3), np.float32) + 1
    fast = {"compression": "zlib", "compressionargs": {"level": 1}, "rowsperstrip": 500}
    tifffile.imwrite(tmp_path / "a.tiff", image, photometric="rgb", **fast)
    cloud = read_scan(tmp_path / "a.tiff")
    assert cloud.grid == (4000, 4000) and cloud.valid.sum() == 1200**2


def test_measured_road_tiles_read_whole(shared_data):
    """Real tiles give a grid of 256 x 256 with nearly all points measured."""
    path = next((shared_data / "pothole/road/test/good/xyz").glob("*.tiff"))
    cloud = read_scan(path)
    assert cloud.grid == (256, 256) and cloud.valid.mean() > 0.9


@pytest.mark.parametrize("channels", [4, 6])
def test_channels_behind_the_coordinates(tmp_path, channels):
    """Further channels of floats are left out, with a note; of whole numbers they are a picture with transparency."""
    image = np.concatenate([scan(), np.ones((*scan().shape[:2], channels - 3), np.float32)], axis=2)
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tiff", image, **options)
    cloud = read_scan(tmp_path / "a.tiff")
    np.testing.assert_array_equal(cloud.xyz[cloud.valid], scan().reshape(-1, 3)[cloud.valid])
    assert cloud.notes == (f"the first three of its {channels} channels are taken for x, y and z",)
    tifffile.imwrite(tmp_path / "a.tiff", image.astype(np.uint16), **options)
    with pytest.raises(InputRejected, match="channels of 16 bits are a colour picture"):
        read_scan(tmp_path / "a.tiff")
