"""The small random CLIP of `tests/tiny_clip.py`."""

from ..tiny_clip import images, tiny_clip, tiny_config, tiny_file  # noqa: F401 - fixtures
