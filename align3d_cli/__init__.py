"""Zero-shot anomaly detection on 3D scans (Align3D-AD, arXiv 2605.05850)."""

__version__ = "0.1.0"
