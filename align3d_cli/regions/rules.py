"""Limits that a part is judged by, and what decided. Rules compare the numbers that results store, nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from align3d_cli.regions.conditions import Condition

Judged = Literal["good", "defective", "unsure"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A part is defective when the condition holds, for it or for one of its regions. name: for people."""

    name: str
    reject: Condition


@dataclass(frozen=True, slots=True)
class Zone:
    """A box along the axes of the scan with rules of its own.

    low, high: corners, in the scan's unit
    A region whose box touches the zone is judged by these rules; one that lies in it whole by these alone.
    """

    name: str
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    rules: tuple[Rule, ...] = ()

    def touches(self, low: Sequence[float], high: Sequence[float]) -> bool:
        """Whether a box reaches into the zone; its faces count."""
        return all(l <= b and a <= h for l, h, a, b in zip(low, high, self.low, self.high, strict=True))  # noqa: E741

    def holds(self, low: Sequence[float], high: Sequence[float]) -> bool:
        """Whether a box lies in the zone whole."""
        return all(a <= l and h <= b for l, h, a, b in zip(low, high, self.low, self.high, strict=True))  # noqa: E741


@dataclass(frozen=True, slots=True)
class Rules:
    """What a file of rules states.

    name:   of the file; sha256: of its bytes, for who must defend a decision later
    unit:   of its lengths; None: the scan's own, whatever it is
    ignore: regions for which it holds count for nothing
    """

    name: str
    rules: tuple[Rule, ...] = ()
    zones: tuple[Zone, ...] = ()
    unit: str | None = None
    ignore: tuple[Condition, ...] = ()
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a part is defective, or cannot be called good.

    rule: its name; reject: its condition; zone: where it holds, None everywhere; region: the id, None of the part
    values: the numbers that were compared, by name; None for what is unknown
    """

    rule: str
    reject: str
    zone: str | None
    region: int | None
    values: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As JSON states it."""
        return {name: getattr(self, name) for name in ("rule", "reject", "zone", "region", "values")}


@dataclass(frozen=True, slots=True)
class Decision:
    """verdict: defective when a rule holds; unsure when one hangs on what is unknown; else good.

    decided: the rules that hold, or of which it is unknown, in the order of the file and of the regions
    counted: ids of the regions that counted
    """

    rules: Rules = field(repr=False)
    verdict: Judged
    decided: tuple[Reason, ...]
    counted: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON states it."""
        return {
            "rules": self.rules.name,
            "rules_sha256": self.rules.sha256,
            "decided": [reason.as_dict() for reason in self.decided],
            "counted": list(self.counted),
        }


def judge(rules: Rules, score: float, regions: Sequence[Mapping[str, Any]]) -> Decision:
    """Judge a part by the numbers that its result stores.

    score: of the part; regions: its regions as JSON states them
    """
    counted = [one for one in regions if not _ignored(rules, {**one, "score": score, "regions": len(regions)})]
    whole = {"score": score, "regions": len(counted)}
    found: dict[bool, list[Reason]] = {True: [], False: []}
    for rule, zone, facts in _cases(rules, whole, counted):
        answer = rule.reject.holds(facts)
        if answer is not False:
            found[answer is True].append(_reason(rule, zone, facts))
    verdict: Judged = "defective" if found[True] else "unsure" if found[False] else "good"
    decided = found[True] or found[False]
    return Decision(rules, verdict, tuple(decided), tuple(one["id"] for one in counted))


def _ignored(rules: Rules, facts: Mapping[str, Any]) -> bool:
    """What is unknown is not ignored."""
    return any(condition.holds(facts) is True for condition in rules.ignore)


def _cases(
    rules: Rules, whole: dict[str, Any], counted: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Rule, Zone | None, dict[str, Any]]]:
    """Every rule with the numbers of the part, or of each region that it holds for."""
    free = [one for one in counted if not any(zone.holds(one["low"], one["high"]) for zone in rules.zones)]
    for rule in rules.rules:
        for facts in free if rule.reject.of_region else [{}]:
            yield rule, None, {**facts, **whole}
    for zone in rules.zones:
        for rule in zone.rules:
            for one in counted:
                if zone.touches(one["low"], one["high"]):
                    yield rule, zone, {**one, **whole}


def _reason(rule: Rule, zone: Zone | None, facts: Mapping[str, Any]) -> Reason:
    values = {one.name: facts[one.name] for one in rule.reject.comparisons}
    return Reason(rule.name, rule.reject.text, None if zone is None else zone.name, facts.get("id"), values)
