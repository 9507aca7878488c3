"""Colours, heat maps, view sheets and the HTML page."""
