"""Rules as TOML. What is wrong is told with the key and its line.

unit = "mm"
ignore = "area < 0.5"

[[rule]]
name = "deep"
reject = "depth > 0.2 and area > 4"

[[zone]]
name = "seal"
low = [0, 0, 0]
high = [40, 10, 5]

[[zone.rule]]
reject = "depth > 0.05"
"""

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from align3d_cli.clouds.units import MILLIMETRES
from align3d_cli.errors import UsageError
from align3d_cli.helpers.digest import digest_of_bytes
from align3d_cli.regions.conditions import Condition, ConditionError, parse_condition
from align3d_cli.regions.rules import Rule, Rules, Zone

LARGEST = 1_000_000  # bytes of a file of rules; a larger one is another file
KEYS = {
    "": ("unit", "ignore", "rule", "zone"),
    "rule": ("name", "reject"),
    "zone": ("name", "low", "high", "rule"),
    "zone.rule": ("name", "reject"),
}


def read_rules(path: str | Path) -> Rules:
    """Read a file of rules. Raises UsageError with one line that names the key and the line of what is wrong."""
    path = Path(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a file of rules") from error
    if len(data) > LARGEST:
        raise UsageError(f"{path}: has more than {LARGEST} bytes; name a file of rules")
    return parse_rules(data, str(path))


def parse_rules(data: bytes, name: str) -> Rules:
    """The rules in the bytes of a file. Raises UsageError, see `read_rules`. name: of the file, for messages."""
    try:
        text = data.decode()
        stated = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: is no UTF-8 text; save it as such") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: is no TOML ({str(error).lower()}); correct it there") from error
    except RecursionError as error:
        raise UsageError(f"{name}: is nested too deeply; write rules as the README shows") from error
    return _Reader(name, text).rules(stated, digest_of_bytes(data))


class _Reader:
    """Turns what a file states into rules; holds its text, so that messages can say the line."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.lines = name, text.splitlines()

    def rules(self, stated: dict[str, Any], sha256: str) -> Rules:
        """The whole file."""
        self._known(stated, "", ())
        unit = stated.get("unit")
        if unit is not None and (not isinstance(unit, str) or unit not in MILLIMETRES):
            raise self._wrong((), "unit", f"is no unit; use one of {', '.join(MILLIMETRES)}")
        ignore = tuple(self._condition((), "ignore", one) for one in _listed(stated.get("ignore", [])))
        if not all(one.of_region for one in ignore):
            raise self._wrong((), "ignore", "is about regions; compare their area, length, ..")
        rules = self._rules(stated, "rule", ())
        zones = tuple(
            self._zone(one, (("zone", number),)) for number, one in enumerate(self._tables(stated, "zone", ()))
        )
        if not rules and not any(zone.rules for zone in zones):
            raise UsageError(f"{self.name}: holds no rule; add [[rule]] and reject = ..")
        return Rules(self.name, rules, zones, unit, ignore, sha256)

    def _rules(self, stated: Mapping[str, Any], key: str, at: tuple) -> tuple[Rule, ...]:
        found = []
        for number, table in enumerate(self._tables(stated, "rule", at)):
            here = (*at, ("rule", number))
            self._known(table, key, here)
            if "reject" not in table:
                raise self._wrong(here, "reject", "is missing; state when a part is defective")
            reject = self._condition(here, "reject", table["reject"])
            if at and not reject.of_region:
                raise self._wrong(here, "reject", "is about the part; a zone judges regions, move it out of the zone")
            found.append(Rule(self._word(table, "name", here, reject.text), reject))
        return tuple(found)

    def _zone(self, table: Mapping[str, Any], at: tuple) -> Zone:
        self._known(table, "zone", at)
        low, high = (self._corner(table, key, at) for key in ("low", "high"))
        if any(a > b for a, b in zip(low, high, strict=True)):
            raise self._wrong(at, "high", "lies below low; give the greater corner")
        name = self._word(table, "name", at, f"zone {at[0][1] + 1}")
        return Zone(name, low, high, self._rules(table, "zone.rule", at))

    def _corner(self, table: Mapping[str, Any], key: str, at: tuple) -> tuple[float, float, float]:
        given = table.get(key)
        numbers = [
            float(value)
            for value in (given if isinstance(given, list) else [])
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        ]
        if len(numbers) != 3 or len(given or []) != 3:
            raise self._wrong(at, key, "gives no corner; write three numbers, e.g. [0, 0, 0]")
        return numbers[0], numbers[1], numbers[2]

    def _condition(self, at: tuple, key: str, text: object) -> Condition:
        if not isinstance(text, str):
            raise self._wrong(at, key, 'is no condition; write e.g. "depth > 0.2 and area > 4"')
        try:
            return parse_condition(text)
        except ConditionError as error:
            raise self._wrong(at, key, str(error)) from error

    def _word(self, table: Mapping[str, Any], key: str, at: tuple, instead: str) -> str:
        value = table.get(key, instead)
        if not isinstance(value, str) or not value.isprintable():
            raise self._wrong(at, key, "is no name; write a word in quotes")
        return value

    def _tables(self, stated: Mapping[str, Any], key: str, at: tuple) -> list[dict[str, Any]]:
        given = stated.get(key, [])
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise self._wrong(at, key, f"is no list; write [[{'.'.join([*(name for name, _ in at), key])}]] for each")
        return given

    def _known(self, table: Mapping[str, Any], kind: str, at: tuple) -> None:
        for key in table:
            if key not in KEYS[kind]:
                raise self._wrong(at, key, f"is no key here; there are {', '.join(KEYS[kind])}")

    def _wrong(self, at: tuple, key: str, finding: str) -> UsageError:
        """An error about a key. at: the tables above it, each with its number."""
        return UsageError(f"{self.name}: line {self._line(at, key)}: {key}: {finding}")

    def _line(self, at: tuple, key: str) -> int:
        """The line of a key, or of its table where it has none of its own, counted from 1."""
        line, within = 0, ""
        for name, number in at:
            within = f"{within}.{name}".lstrip(".")
            header = re.compile(rf"\s*\[\[\s*{re.escape(within)}\s*\]\]")
            places = [i for i, text in enumerate(self.lines[line:], line) if header.match(text)]
            line = places[number] if number < len(places) else line
        start = re.compile(rf"""\s*(\[\[?\s*)?(?:{re.escape(within)}\.)?["']?{re.escape(key)}["']?\s*[\]=.]""")
        rest = range(line + bool(at), len(self.lines))
        for i in rest:
            if at and self.lines[i].lstrip().startswith("[") and not start.match(self.lines[i]):
                break  # the next table
            if start.match(self.lines[i]):
                return i + 1
        return line + 1


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
