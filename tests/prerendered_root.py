"""Writes a small pre-rendered root in the published layout."""

import json

import numpy as np
import tifffile
from PIL import Image

SIDE, HEIGHT, WIDTH, VIEWS = 24, 30, 36, 9
AUTHOR = "/remote-home/author/carrot/data/mvtec_3d_9_views"  # a class's name may lie above the root, too


def resized(height, width, side=SIDE):
    """(side, side) flat pixel of the scan that a place of the resized scan reads: nearest, floor(i * H / side)."""
    place = np.arange(side)
    return (place * height // side)[:, None] * width + (place * width // side)[None, :]


def put_image(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def put_views(kind, number, drawn, rng, *, views=VIEWS, grey="view_{}", colour=None, depth=True, nonzero=True):
    """Pictures, masks and correspondences of a scan. drawn: places of the resized scan. Returns (x, y, visible)."""
    places = []
    for k in range(views):
        put_image(kind / "2d_rendering" / number / f"{grey.format(k)}.png", np.full((SIDE, SIDE, 3), 10 + k))
        folder = "2d_rgb_rendering" if colour is None else "2d_rendering"
        name = f"view_{k}" if colour is None else colour.format(k)
        put_image(kind / folder / number / f"{name}.png", np.full((SIDE, SIDE, 3), 100 + k))
        if depth:
            put_image(kind / "2d_depth" / number / f"view_{k}.png", np.zeros((SIDE, SIDE)))
        mask = np.full((SIDE, SIDE), 127)
        mask[k, :3] = 128  # above one half
        put_image(kind / "2d_gt" / number / f"view_{k}_gt.png", mask)
        rows = np.column_stack([rng.integers(0, SIDE, (len(drawn), 2)), rng.integers(0, 2, len(drawn))])
        folder = kind / "2d_3d_cor" / number
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"view_{k}_cor.npy", rows)
        places.append(rows)
    if nonzero:
        np.save(kind / "2d_3d_cor" / number / "nonzero_indices.npy", drawn)
    return np.array(places)


def put_scan(root, category, kind, number, rng, **views):
    """An organised scan of HEIGHT x WIDTH with photograph, mask and views. Returns its places as `put_views`."""
    folder = root / category / "test" / kind
    xyz = np.dstack([*np.mgrid[:HEIGHT, :WIDTH], 5 + rng.random((HEIGHT, WIDTH))]).astype(np.float32)
    xyz[:4] = 0  # no measurement
    for part in ("xyz", "rgb", "gt"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(folder / "xyz" / f"{number}.tiff", xyz, photometric="rgb")
    put_image(folder / "rgb" / f"{number}.png", rng.integers(0, 256, (HEIGHT, WIDTH, 3)))
    mask = np.zeros((HEIGHT, WIDTH))
    mask[10:14, 10:14] = 0 if kind == "good" else 3  # the class, not 255
    put_image(folder / "gt" / f"{number}.png", mask)
    drawn = np.flatnonzero(xyz.reshape(-1, 3)[resized(HEIGHT, WIDTH).ravel(), 2])
    return put_views(folder, number, drawn, rng, **views)


def put_manifest(root, category, scans, name=None, author=AUTHOR):
    """A manifest with its author's absolute paths. scans: (kind, number)."""
    records = [
        {
            "d2_img_path": f"{author}/{category}/test/{kind}/rgb/{number}.png",
            "d2_mask_path": f"{author}/{category}/test/{kind}/gt/{number}.png",
            "d3_pc": f"{author}/{category}/test/{kind}/xyz/{number}.tiff",
            "cls_name": category,
            "specie_name": kind,
            "anomaly": int(kind != "good"),
            "d2_render_img_path": f"{author}/{category}/test/{kind}/2d_rendering/{number}",
            "d2_render_gt_path": f"{author}/{category}/test/{kind}/2d_gt/{number}",
            "d2_corrdinate": f"{author}/{category}/test/{kind}/2d_3d_cor/{number}",
            "d2_rgb_render_img_path": f"{author}/{category}/test/{kind}/2d_rgb_rendering/{number}",
            "d2_depth_path": f"{author}/{category}/test/{kind}/2d_depth/{number}",
            "pcd_path": f"{author}/{category}/test/{kind}/pcd/{number}.pcd",
            "gt_pcd_path": f"{author}/{category}/test/{kind}/gt_pcd/{number}.pcd",
        }
        for kind, number in scans
    ]
    path = root / (name or f"{category}_meta.json")
    path.write_text(json.dumps({"train": {}, "test": {category: records}}), encoding="utf-8")


def put_pcd(path, xyz, colours):
    """(N, 3) points with (N,) grey colours in [0, 1], packed as Open3D packs them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    level = np.round(255 * np.asarray(colours)).astype(np.uint32)
    table = np.empty(len(xyz), [("x", "f4"), ("y", "f4"), ("z", "f4"), ("rgb", "u4")])
    table["x"], table["y"], table["z"] = np.asarray(xyz, np.float32).T
    table["rgb"] = level << 16 | level << 8 | level
    header = (
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z rgb\nSIZE 4 4 4 4\nTYPE F F F U\nCOUNT 1 1 1 1\n"
        f"WIDTH {len(xyz)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(xyz)}\nDATA binary\n"
    )
    path.write_bytes(header.encode() + table.tobytes())


def put_own_views(kind, number, inspector, cloud):
    """What the authors would have kept of our own published drawing of a scan, as the files of their root."""
    from align3d_cli.clouds.prepare import prepare
    from align3d_cli.render.draw import draw_style
    from align3d_cli.render.shade import mask_views

    look = inspector.look(prepare(cloud.cloud, background="keep"))
    side, scan, views = inspector.plan.size_px, look.drawn.scan, look.views
    coloured = draw_style("colour", scan, views, inspector.plan)
    masks = mask_views(views, cloud.defect[look.drawn.cloud_rows])
    folder = kind / "2d_3d_cor" / number
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "nonzero_indices.npy", scan.index)
    for k in range(len(look.images)):
        for part, picture in (("2d_rendering", look.images[k]), ("2d_rgb_rendering", coloured[k])):
            put_image(kind / part / number / f"view_{k}.png", (255 * picture).round().byte().movedim(0, -1).numpy())
        put_image(kind / "2d_gt" / number / f"view_{k}_gt.png", 255 * masks[k].numpy())
        row, column = np.divmod(views.pixel_of_point[k].numpy(), side)
        np.save(folder / f"view_{k}_cor.npy", np.column_stack([column, row, views.visible[k].numpy()]))
