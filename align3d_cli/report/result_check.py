"""Whether JSON is a result as `result.schema.json` promises it: what of JSON Schema that file uses, no more."""

from typing import Any

from align3d_cli.report.result import result_schema

KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def misfit(value: object) -> str | None:
    """Where a value is not what `align3d score --json` prints of one part, e.g. "regions.0.area"; None where it is.

    value: of JSON
    """
    schema = result_schema()
    kind = "failure" if isinstance(value, dict) and "error" in value else "result"
    return _misfit(value, schema["$defs"][kind], schema["$defs"], "")


def _misfit(value: Any, spec: dict[str, Any], defs: dict[str, Any], at: str) -> str | None:
    if "$ref" in spec:
        return _misfit(value, defs[spec["$ref"].rpartition("/")[2]], defs, at)
    if "anyOf" in spec:
        found = [_misfit(value, other, defs, at) for other in spec["anyOf"]]
        return None if None in found else found[0]
    if not (_is_kind(value, spec.get("type")) and _is_allowed(value, spec)):
        return at or "its kind"
    return next((where for where in _within(value, spec, defs, at) if where), None)


def _is_kind(value: Any, kinds: str | list[str] | None) -> bool:
    if kinds is None:
        return True
    named = [kinds] if isinstance(kinds, str) else kinds
    is_truth = isinstance(value, bool)  # which Python takes for a number
    return any(isinstance(value, KINDS[kind]) and (kind == "boolean" or not is_truth) for kind in named)


def _is_allowed(value: Any, spec: dict[str, Any]) -> bool:
    if value != spec.get("const", value) or value not in spec.get("enum", [value]):
        return False
    if isinstance(value, list):
        return spec.get("minItems", 0) <= len(value) <= spec.get("maxItems", len(value))
    if isinstance(value, int | float):
        return bool(spec.get("minimum", value) <= value <= spec.get("maximum", value))
    return True


def _within(value: Any, spec: dict[str, Any], defs: dict[str, Any], at: str) -> list[str | None]:
    """Where each entry of an object or item of an array does not fit."""
    if isinstance(value, list):
        items = spec.get("items", {})
        return [_misfit(item, items, defs, _below(at, str(row))) for row, item in enumerate(value)]
    if not isinstance(value, dict):
        return []
    known, other = spec.get("properties", {}), spec.get("additionalProperties", {})
    missing: list[str | None] = [_below(at, name) for name in spec.get("required", ()) if name not in value]
    for name, entry in value.items():
        own = known.get(name, other)
        missing.append(_below(at, name) if own is False else _misfit(entry, own, defs, _below(at, name)))
    return missing


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
