"""Words for messages of one line."""

MOST = 160  # letters of what a library says


def first_line(error: Exception) -> str:
    """What an error of a library says first, MOST letters of it; the name of its class where it says nothing."""
    return (str(error).strip().split("\n")[0] or type(error).__name__)[:MOST]
