"""How finely object scores are stored, which is how finely they are compared."""

SCORE_DIGITS = 6  # behind the point; enough for logits up to 14
SCORE_STEP = 10.0**-SCORE_DIGITS


def stored_score(score: float) -> float:
    """An object score as results store it; verdicts and limits compare this very number."""
    return round(float(score), SCORE_DIGITS)
