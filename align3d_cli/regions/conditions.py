"""Conditions of rules: `depth > 0.2 and kind == missing`. A grammar of its own: nothing of a file is ever run.

condition: comparison, or several joined by `and`
comparison: name operator value, with one of NUMBERS and > >= < <= and a number, or `kind` and == != and a kind
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from align3d_cli.errors import UsageError
from align3d_cli.regions.region import Kind

OF_REGION = (
    "area", "area_missing", "length", "width", "depth", "height", "points", "share", "peak", "mean", "roughness",
)  # fmt: skip
OF_PART = ("score", "regions")  # regions: how many of the part count
NUMBERS = OF_REGION + OF_PART
KINDS = get_args(Kind)
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
EQUALS: dict[str, Callable[[Any, Any], bool]] = {"==": operator.eq, "!=": operator.ne}
COMPARISON = re.compile(r"\s*([a-z_]+)\s*(>=|<=|==|!=|>|<)\s*(\S+)\s*")
LONGEST = 500  # letters of a condition; a longer one is a mistake


class ConditionError(UsageError):
    """A condition that cannot be read, and why; the file and the line are told by who reads it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """name: of NUMBERS, or kind; sign: of ORDERS or EQUALS; value: what it is compared with."""

    name: str
    sign: str
    value: float | str

    def holds(self, facts: Mapping[str, Any]) -> bool | None:
        """Whether it holds for these numbers, as they are stored; None where the number is unknown."""
        there = facts[self.name]
        if there is None or there == "unknown":
            return None
        return (ORDERS | EQUALS)[self.sign](there, self.value)


@dataclass(frozen=True, slots=True)
class Condition:
    """text: as it was written; comparisons: all must hold."""

    text: str
    comparisons: tuple[Comparison, ...]

    @property
    def of_region(self) -> bool:
        """Whether it asks for anything that only a region has."""
        return any(one.name not in OF_PART for one in self.comparisons)

    def holds(self, facts: Mapping[str, Any]) -> bool | None:
        """True, False, or None where that hangs on what is unknown."""
        answers = [one.holds(facts) for one in self.comparisons]
        if False in answers:
            return False
        return None if None in answers else True


def parse_condition(text: str) -> Condition:
    """Read a condition. Raises ConditionError."""
    if len(text) > LONGEST:
        raise ConditionError(f"is longer than {LONGEST} letters; split it")
    return Condition(text, tuple(_comparison(part) for part in re.split(r"\band\b", text)))


def _comparison(text: str) -> Comparison:
    found = COMPARISON.fullmatch(text)
    if found is None:
        raise ConditionError(f"'{text.strip()}' is no comparison; write e.g. depth > 0.2 and area > 4")
    name, sign, value = found.groups()
    if name == "kind":
        return _of_kind(sign, value.strip("'\""))
    if name not in NUMBERS:
        raise ConditionError(f"there is no {name}; use one of {', '.join(('kind', *NUMBERS))}")
    if sign not in ORDERS:
        raise ConditionError(f"{name} {sign}: measured numbers are hardly ever equal; use one of {' '.join(ORDERS)}")
    return Comparison(name, sign, _number(name, value))


def _of_kind(sign: str, value: str) -> Comparison:
    if sign not in EQUALS or value not in KINDS or value == "unknown":
        known = ", ".join(kind for kind in KINDS if kind != "unknown")
        raise ConditionError(f"kind {sign} {value}: compare kinds by == or != with one of {known}")
    return Comparison("kind", sign, value)


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConditionError(f"{name}: '{text}' is no number; write one, without a unit")
    return value
