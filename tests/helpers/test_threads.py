"""Work spread over cores: in order, whole, and its errors are raised."""

import time

import pytest

from align3d_cli.helpers import threads
from align3d_cli.helpers.threads import each, spans


@pytest.mark.parametrize("cpus", [1, 3])
def test_results_stand_in_the_order_of_the_items(monkeypatch, cpus):
    """Whichever is done first, on one core or several."""
    monkeypatch.setattr(threads, "usable_cpus", lambda: cpus)

    def slow(n):
        time.sleep(0.002 * (5 - n))
        return n * n

    assert each(slow, range(5)) == [0, 1, 4, 9, 16] and each(slow, []) == []


def test_an_error_is_raised():
    """As if the work had been done one after the other."""
    with pytest.raises(ZeroDivisionError):
        each(lambda n: 1 / n, [1, 0, 2])


def test_spans_cover_everything_once():
    """One after the other, about as long, none of them empty."""
    assert spans(10, 3) == [(0, 3), (3, 7), (7, 10)]
    assert spans(2, 8) == [(0, 1), (1, 2)] and spans(0, 4) == []
