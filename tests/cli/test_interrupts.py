"""An interrupt is known in every disguise."""

import pytest

from align3d_cli.cli.interrupts import is_interrupt


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
