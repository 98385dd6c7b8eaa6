"""How a setting is declared, checked and written out; `config` holds the declarations.

A setting is a dataclass field typed `Annotated[T, Setting(...)]`. T is bool, int, float, str, Path,
Path | None or tuple[str, ...]. Raises ConfigError naming the field, the value and what would be right.
"""

import dataclasses
import json
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from p2pnode.errors import ConfigError

_WORDS: Mapping[Any, str] = {
    Path: "a path in quotes",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text in quotes",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What a setting means, its bounds (inclusive), and `check`: the remedy for a wrong value, else None.

    `paths` says that the texts of a list are paths, but for those that begin with a slash.
    """

    doc: str
    low: float | None = None
    high: float | None = None
    check: Callable[[Any], str | None] | None = None
    paths: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """One declared setting of a section."""

    name: str
    kind: Any
    default: Any
    setting: Setting


def declared(section: type[Any]) -> Iterator[Declared]:
    """The settings of a section in the order of their declaration."""
    hints = get_type_hints(section, include_extras=True)
    for item in dataclasses.fields(section):
        if get_origin(hints[item.name]) is Annotated:
            kind, setting = get_args(hints[item.name])
            yield Declared(item.name, kind, item.default, setting)


def read_section(section: type[Any], table: Mapping[str, Any], prefix: str, base: Path) -> dict[str, Any]:
    """Checked values of every setting of `section`; `base` anchors relative paths."""
    known = {item.name: item for item in declared(section)}
    for name in table:
        if name not in known:
            raise ConfigError(f"{prefix}{name}: unknown setting; known here are {', '.join(known)}")
    return {
        name: checked(item, table.get(name, item.default), f"{prefix}{name}", base)
        for name, item in known.items()
    }


def parse_text(item: Declared, text: str, name: str) -> Any:
    """The value of a setting given as text, as TOML would have given it; lists are split at commas."""
    if item.kind is bool:
        words = {"true": True, "1": True, "false": False, "0": False}
        if text.lower() not in words:
            raise ConfigError(f"{name} = {text!r}: must be true or false")
        return words[text.lower()]
    if item.kind in (int, float):
        try:
            return item.kind(text)
        except ValueError as error:
            raise ConfigError(f"{name} = {text!r}: must be {_WORDS[item.kind]}") from error
    if get_origin(item.kind) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def checked(item: Declared, raw: Any, name: str, base: Path) -> Any:
    """The typed value of one setting; `base` anchors relative paths."""
    value = _typed(item.kind, raw, name, base)
    if item.setting.paths:
        value = tuple(part if part.startswith("/") or not part else _anchored(part, base) for part in value)
    low, high, check = item.setting.low, item.setting.high, item.setting.check
    # Written so that NaN, which compares false with everything, is refused too.
    if low is not None and high is not None and not low <= value <= high:
        raise ConfigError(f"{name} = {value!r}: must be between {low} and {high}")
    remedy = check(value) if check is not None else None
    if remedy is not None:
        raise ConfigError(f"{name} = {value!r}: {remedy}")
    return value


def toml_lines(section: type[Any], changes: Mapping[str, Any]) -> Iterator[str]:
    """Commented TOML of `section`: its defaults but for `changes`."""
    for item in declared(section):
        bounds = f" From {item.setting.low} to {item.setting.high}." if item.setting.low is not None else ""
        yield f"# {item.setting.doc}{bounds}"
        value = changes.get(item.name, item.default)
        if value is None:
            yield f'# {item.name} = ""'
        else:
            yield f"{item.name} = {json.dumps(str(value) if isinstance(value, Path) else value)}"


def _anchored(path: str | Path, base: Path) -> str:
    return str((base / Path(path).expanduser()).resolve())


def _typed(kind: Any, value: Any, name: str, base: Path) -> Any:
    if get_origin(kind) is types.UnionType:
        return None if value is None else _typed(get_args(kind)[0], value, name, base)
    if kind is Path and isinstance(value, str | Path) and str(value):
        return Path(_anchored(value, base))
    # bool is an int in Python, but `capacity = true` is a mistake.
    if isinstance(kind, type) and type(value) is kind:
        return value
    if kind is float and type(value) is int:
        return float(value)
    is_list = get_origin(kind) is tuple and isinstance(value, list | tuple)
    if is_list and all(isinstance(part, str) for part in value):
        return tuple(value)
    raise ConfigError(f"{name} = {value!r}: must be {_WORDS.get(kind, 'a list of texts in quotes')}")
