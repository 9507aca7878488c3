"""Settings take what their types say, from code and from files, and tell everything else in one line."""

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import pytest

from align3d_cli.helpers.settings import (
    Count,
    Positive,
    Range,
    SettingsError,
    Share,
    check_settings,
    from_dict,
    meaning_of,
    range_of,
)


@dataclass(frozen=True, slots=True)
class Oven:
    """A class with a setting of every kind."""

    food: Annotated[Literal["bread", "cake"], "what is in it"]
    heat: Annotated[float, Range(50, 300), "in degrees"] = 180.0
    steam: Share = 0.0
    loaves: Annotated[Count | None, "None for all"] = None
    betas: tuple[float, float] = (0.5, 0.9)
    racks: tuple[Literal["top", "bottom"], ...] = ("top",)
    fan: bool = False
    power: Positive = 1.0

    def __post_init__(self) -> None:
        check_settings(self)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"food": "caek"}, 'food "caek": give bread or cake'),
        ({"food": ["cake"]}, "give bread or cake"),
        ({"heat": 400}, "heat 400: give a finite number of at least 50 and at most 300"),
        ({"heat": float("nan")}, "heat NaN"),
        ({"heat": True}, "heat true"),
        ({"power": float("inf")}, "power Infinity: give a finite number above 0"),
        ({"power": 0}, "power 0"),
        ({"power": 10**400}, "power 1000"),
        ({"steam": "much"}, 'steam "much": give a finite number of at least 0 and at most 1'),
        ({"loaves": 0}, "loaves 0: give a whole number of at least 1 or leave it out"),
        ({"loaves": 1.5}, "loaves 1.5"),
        ({"betas": (0.5,)}, "betas"),
        ({"betas": 3}, "betas 3: give a list, each a finite number"),
        ({"racks": ("top", "side")}, "give a list, each top or bottom"),
        ({"fan": 1}, "fan 1: give true or false"),
        ({"food": None}, "food null"),
    ],
)
def test_a_value_that_a_setting_cannot_have_is_refused_in_one_line(wrong, told):
    """By code and from a file alike: name, value and what may stand there, exit code 2."""
    given = {"food": "cake"} | wrong
    with pytest.raises(SettingsError) as direct:
        Oven(**given)
    assert told in str(direct.value) and "\n" not in str(direct.value) and len(str(direct.value)) < 200
    with pytest.raises(SettingsError):
        from_dict(Oven, given)
    assert SettingsError.exit_code == 2


def test_settings_come_back_from_a_file_as_they_were():
    """Lists become tuples and whole numbers the floats that they mean; what is left out keeps its default."""
    given = {"food": "bread", "heat": 200, "loaves": 3, "betas": [0, 1], "racks": []}
    oven = from_dict(Oven, given)
    assert oven == Oven("bread", 200.0, loaves=3, betas=(0, 1), racks=()) and isinstance(oven.heat, float)
    assert from_dict(Oven, asdict(oven)) == oven


@pytest.mark.parametrize("data", [None, 7, "cake", [], [["food", "cake"]], {}, {"food": "cake", "haet": 3}])
def test_what_does_not_state_these_settings_is_refused(data):
    """Other shapes, a setting too few and one that does not exist."""
    with pytest.raises(SettingsError):
        from_dict(Oven, data)


def test_what_a_class_says_of_a_setting_can_be_shown():
    """Meaning and range, also through "or None"; no words where there are none."""
    assert meaning_of(Oven, "heat") == "in degrees" and meaning_of(Oven, "fan") == ""
    assert range_of(Oven, "loaves") == Range(1) and range_of(Oven, "fan") == Range()
