"""Settings that check themselves: what a frozen dataclass says of its fields is what its fields may hold.

A field's type says which values it takes (`Literal`, `int`, `float | None`, a tuple of these), a `Range` beside the
type which numbers, a sentence beside the type what it means:

    temperature: Annotated[float, Range(above=0), "of the softmax over both cosines"] = 0.07
"""

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from align3d_cli.errors import UsageError

T = TypeVar("T")
SHOWN = 60  # characters of a wrong value in a message
WORDS = {int: "a whole number", float: "a finite number", str: "a word", bool: "true or false", dict: "a section"}
LARGEST = 1e300  # of a setting: a whole number of JSON can be too large for any float


class SettingsError(UsageError):
    """A setting that does not exist, or a value that it cannot have."""


@dataclass(frozen=True, slots=True)
class Range:
    """Which numbers a setting takes: from `least` to `most`, both included, and more than `above`."""

    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most and value > self.above

    def __str__(self) -> str:
        low = f"above {self.above:g}" if math.isfinite(self.above) else f"of at least {self.least:g}"
        high = f"at most {self.most:,}" if isinstance(self.most, int) else f"at most {self.most:g}"
        bounds = [low] if math.isfinite(max(self.above, self.least)) else []
        return " and ".join(bounds + [high] * math.isfinite(self.most))


Count = Annotated[int, Range(1)]
Natural = Annotated[int, Range(0)]
SEEDS = Range(0, 2**32 - 1)  # what every generator takes: torch's and numpy's
Seed = Annotated[int, SEEDS]
Share = Annotated[float, Range(0, 1)]
Positive = Annotated[float, Range(above=0)]
NotNegative = Annotated[float, Range(0)]


def check_settings(settings: Any) -> None:
    """For `__post_init__`: raise SettingsError for the first field whose value its type and range do not take.

    No setting may be nan or infinite. Fields of other types than those above are left to their owner.
    """
    for name, kind in _kinds(type(settings)).items():
        value = getattr(settings, name)
        if not _fits(value, kind):
            raise SettingsError(f"{name} {_shown(value)}: give {allowed(kind)}")


def from_dict(cls: type[T], data: object) -> T:
    """The settings that a JSON or TOML object states; fields that it leaves out keep their defaults.

    Raises SettingsError for what is no object, for names that are no settings, and as the class itself does.
    """
    if not isinstance(data, Mapping):
        raise SettingsError(f"{_shown(data)}: give settings by name")
    kinds = _kinds(cls)
    if unknown := sorted(set(data) - set(kinds)):
        raise SettingsError(f"{_shown(unknown[0])}: no such setting; there are {', '.join(kinds)}")
    if missing := [name for name in _required(cls) if name not in data]:
        raise SettingsError(f"{missing[0]}: is missing; give {allowed(kinds[missing[0]])}")
    return cls(**{name: _taken(value, kinds[name]) for name, value in data.items()})


def range_of(cls: type, name: str) -> Range:
    """The numbers that a setting may be."""
    return next(iter(_ranges(_kinds(cls)[name])), Range())


def meaning_of(cls: type, name: str) -> str:
    """What the class says of a setting, "" where it says nothing."""
    kind = _kinds(cls)[name]
    said = [note for note in get_args(kind)[1:] if isinstance(note, str)] if get_origin(kind) is Annotated else []
    return said[0] if said else ""


def allowed(kind: Any) -> str:
    """The values of a type in words, to follow "give"."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return " ".join([allowed(args[0]), *(str(note) for note in args[1:] if isinstance(note, Range))]).strip()
    if origin is Literal:
        return " or ".join(", ".join(args).rsplit(", ", 1))
    if origin in (Union, UnionType):
        return " or ".join([*(allowed(arg) for arg in args if arg is not NoneType), "leave it out"])
    if origin is tuple:
        return f"a list, each {allowed(args[0])}"
    return WORDS.get(kind, "another")


def _kinds(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in fields(cls)}


def _required(cls: type) -> list[str]:
    return [field.name for field in fields(cls) if field.default is MISSING and field.default_factory is MISSING]


def _plain(kind: Any) -> Any:
    """A type without what stands beside it, and without None."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _plain(next(arg for arg in get_args(kind) if arg is not NoneType))
    return kind


def _ranges(kind: Any) -> list[Range]:
    """The ranges in a type, the outermost first."""
    found = [note for note in get_args(kind)[1:] if isinstance(note, Range)] if get_origin(kind) is Annotated else []
    inner = get_args(kind) if get_origin(kind) in (Annotated, Union, UnionType) else ()
    return found + [one for arg in inner for one in _ranges(arg)]


def _fits(value: Any, kind: Any) -> bool:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _fits(value, args[0]) and all(value in note for note in args[1:] if isinstance(note, Range))
    if origin is Literal:
        return isinstance(value, str) and value in args
    if origin in (Union, UnionType):
        return any(_fits(value, arg) for arg in args)
    if origin is tuple:
        each = [args[0]] * len(value) if args[-1] is ... and isinstance(value, tuple) else args
        return isinstance(value, tuple) and len(value) == len(each) and all(map(_fits, value, each))
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return not isinstance(kind, type) or isinstance(value, kind)


def _taken(value: Any, kind: Any) -> Any:
    """A value out of JSON or TOML as its type wants it: lists as tuples, whole numbers as float; else as it is."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, int) and not isinstance(value, bool) and _plain(kind) is float and abs(value) < LARGEST:
        return float(value)
    return value


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= SHOWN else text[: SHOWN - 2] + ".."
