"""An interrupt is known in every disguise, and not lost."""

import os
import signal
import time

import pytest

from align3d_cli.cli.output import progress
from align3d_cli.helpers.interrupts import check, is_interrupt, listen

pytestmark = pytest.mark.slow  # each test starts programs


@pytest.fixture
def listening():
    """Interrupts are noted until the test ends."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where pytest runs in the background
    try:
        listen()
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def swallow() -> None:
    """What some libraries do around their imports."""
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    except BaseException:
        return


def test_an_interrupt_that_a_library_swallows_ends_the_work_at_the_next_step(listening):
    """It is raised once, where the progress goes on."""
    with progress("work", 3) as advance:
        advance(1)
        swallow()
        with pytest.raises(KeyboardInterrupt):
            advance(1)
        check()


def test_an_ignored_interrupt_stays_ignored(listening):
    """Under nohup, or in the background of a script, SIGINT is nobody's wish."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listen()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_an_interrupt_inside_a_class_body_is_recognised():
    """Whatever Python wraps around the interrupt, it is still one."""

    class Interrupting:
        def __set_name__(self, owner, name):
            raise KeyboardInterrupt

    with pytest.raises(BaseException) as caught:  # a RuntimeError up to Python 3.11
        type("Holder", (), {"field": Interrupting()})
    assert is_interrupt(caught.value)


def test_other_errors_are_no_interrupts():
    """A bug stays a bug, also when it follows from another error."""
    try:
        try:
            raise OSError("disk")
        except OSError as first:
            raise ValueError("bug") from first
    except ValueError as error:
        assert not is_interrupt(error)
