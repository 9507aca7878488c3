"""Points of one scan found on another: descriptors, registration, deviation."""
