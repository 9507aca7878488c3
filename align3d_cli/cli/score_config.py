"""Options of `align3d score` that were not typed: flag > variable ALIGN3D_* > file of --config > model > default."""

import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer

from align3d_cli.cli.usage import Refusal, numbers_of, own_words
from align3d_cli.errors import UsageError
from align3d_cli.helpers.toml import toml_of

SECTION = "score"  # of the file, so that other commands can have theirs
PREFIX = "ALIGN3D"  # of variables: ALIGN3D_FAIL_ABOVE is --fail-above
OF_THE_CALL = ("inputs", "config", "print_config", "help")  # what a file cannot state
WIDE = 36  # characters before what stands behind a value


def take_config(context: typer.Context, path: Path | None) -> Path | None:
    """Callback of --config: what the file states becomes the default of the other options.

    Raises UsageError for a file that is no TOML, and for a key that is no option or a value that it cannot have.
    """
    if path is not None:
        context.default_map = _stated(path, context)
    return path


def _stated(path: Path, context: typer.Context) -> dict[str, Any]:
    """What the file states, by option; every value is one that the option takes."""
    options = {str(one.name): one for one in context.command.params if one.name not in OF_THE_CALL}
    found = {}
    for key, value in _section(path).items():
        name = key.replace("-", "_")
        if name not in options:
            close = get_close_matches(name, options, n=1)
            step = f"did you mean {close[0]}?" if close else "`align3d score --help` lists them, without their dashes"
            raise UsageError(f"{path}: {SECTION}.{key}: no such option; {step}")
        found[name] = _checked(f"{path}: {key}", options[name], value, context)
    return found


def _section(path: Path) -> dict[str, Any]:
    """The table of the command. Raises UsageError for anything else in the file."""
    try:
        stated = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise UsageError(f"--config {path}: cannot be read ({error.strerror}); name a file of options") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is no UTF-8 text; save it as such") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: is no TOML ({str(error).lower()}); correct it there") from error
    if other := next((key for key in stated if key != SECTION), None):
        raise UsageError(f"{path}: {other}: is not known here; write options below [{SECTION}]")
    section = stated.get(SECTION, {})
    if not isinstance(section, dict):
        raise UsageError(f"{path}: {SECTION}: is no section; write options below [{SECTION}]")
    return section


def _checked(where: str, option: Any, value: Any, context: typer.Context) -> Any:
    """The value as it becomes a default. Raises UsageError for one that the option does not take."""
    if getattr(option, "is_flag", False) != isinstance(value, bool):
        wanted = "a value, not true or false" if isinstance(value, bool) else "true or false"
        raise UsageError(f"{where}: give {wanted}")
    if isinstance(value, dict) or (isinstance(value, list) and not option.multiple):
        raise UsageError(f"{where}: give one value")
    value = [value] if option.multiple and not isinstance(value, list) else value
    try:
        option.process_value(context, value)
    except Refusal as error:
        finding = own_words(str(getattr(error, "message", error)))
        numbers = numbers_of(option, finding)
        told = f"give {numbers}" if numbers else f"{finding}; correct it there"
        raise UsageError(f"{where}: {told}") from error
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    return value


def config_text(context: typer.Context, of_model: dict[str, str]) -> str:
    """All options as --config takes them, and behind each where it came from; what is not set stands in comments.

    of_model: what the model says where no option does, by option
    """
    return "\n".join([f"[{SECTION}]", *_lines(context, of_model)])


def _lines(context: typer.Context, of_model: dict[str, str]) -> Iterator[str]:
    for option in context.command.params:
        name = str(option.name)
        if name in OF_THE_CALL:
            continue
        value = _plain(context.params[name])
        if value not in (None, []):
            yield f"{toml_of({name: value}).strip():<{WIDE}}  # {_source(context, name)}"
        elif name in of_model:
            yield f"# {name}: {of_model[name]}".ljust(WIDE) + "  # model"
        else:
            yield f"# {name}: not set"


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value


def _source(context: typer.Context, name: str) -> str:
    """Where a value came from, in words."""
    found = context.get_parameter_source(name)
    words = {
        "COMMANDLINE": "flag",
        "ENVIRONMENT": f"variable {PREFIX}_{name.upper()}",
        "DEFAULT_MAP": f"file {context.params['config']}",
    }
    return "default" if found is None else words.get(found.name, "default")
