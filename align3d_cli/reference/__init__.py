"""What is known beside the scan (good parts, its folder, its CAD model), and what that says of it."""
