"""Image towers behind one interface: views in, one global feature and a grid of tokens a view out."""
