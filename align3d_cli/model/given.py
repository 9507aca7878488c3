"""A look at a scan through the views that others drew of it: what follows is the road of our own drawing."""

from align3d_cli.clouds.given import GivenViews
from align3d_cli.clouds.prepare import Prepared
from align3d_cli.errors import UsageError
from align3d_cli.model.bundle import Bundle
from align3d_cli.model.device import drawing_device
from align3d_cli.model.inspector import EncodedViews, Inspector
from align3d_cli.model.parts import LITE
from align3d_cli.render.given import given_drawable, given_images, given_views

GREY = "grey"  # the style of all published renderings


def look_at_given(inspector: Inspector, scan: Prepared, given: GivenViews) -> EncodedViews:
    """Encode given views; `Inspector.branches` and `Inspector.scores` take the look as one of their own.

    scan: the prepared scan that the views are of. Every view that sees a point counts alike: how steeply it sees the
    surface is not told. Raises UsageError for a model that reads other pictures than grey renderings.
    """
    check_reads_grey(inspector.encoder.spec.style, inspector.bundle.called)
    device, size_px = drawing_device(inspector.device), inspector.plan.size_px
    images = given_images(given.pictures, size_px, device)
    pooled, tokens = inspector.encoder.encode(images)
    views = given_views(given, size_px, device)
    return EncodedViews(given_drawable(scan, given), given.preset, views, images, None, pooled, tokens)


def style_of(bundle: Bundle) -> str:
    """The pictures that a model's image tower reads, told without building it."""
    if isinstance(bundle.encoder, dict) and bundle.encoder.get("name") == LITE:
        return "geometry"
    if bundle.exported:
        return str(bundle.encoder["style"])
    return str((bundle.encoder.get("settings") or {}).get("style", GREY))


def check_reads_grey(style: str, called: str) -> None:
    """Raise UsageError for a model whose image tower reads pictures of another style than the published ones."""
    if style != GREY:
        finding = f"reads {style} pictures, the views that came with the data set are grey renderings"
        raise UsageError(f"{called}: {finding}; give a model with a CLIP image tower, or --drawn ours")
