"""From a cloud to views and back: cameras, splats, looks, and lifting of view maps to points."""
