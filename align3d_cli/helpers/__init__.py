"""Small things every room may use: whole files, digests, what is stated about a file, places on disk."""
