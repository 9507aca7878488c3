"""Point clouds and their geometry: the type that travels, what is measured, what is part."""
