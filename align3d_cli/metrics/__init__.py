"""The field's figures, from labels and scores alone."""
