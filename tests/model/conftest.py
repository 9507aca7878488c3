"""The small random CLIP of `tests/tiny_clip.py`, and models of every profile on it."""

from ..tiny_clip import images, tiny_clip, tiny_config, tiny_file  # noqa: F401 - fixtures
from .small_models import clip_bundles  # noqa: F401 - a fixture
