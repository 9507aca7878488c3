"""One module a command; app.py wires them."""
