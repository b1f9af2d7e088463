"""Reading recipes.

Conventions
-----------
A value that the declared type (`hevner.lab.recipe_types`) does not allow is an error before
anything runs. The error names the file, the key path, what was found there and what is allowed. A
key path looks like ``$.spaces[2].network.width``: ``$`` is the file, list entries are counted
from 0. msgspec declares and describes the types; it does not read the files, because its own
messages have neither the keys of tables such as ``[datasets.NAME]`` nor the value that was found.

Error codes are ``file_missing``, ``not_toml``, ``unknown_kind`` (no kind of recipe has such
tables), ``unknown_key``, ``missing_key``, ``wrong_type``, ``out_of_range``, ``unknown_name`` (not
one of the choices, or of the names that other tables declare), ``repeated_name`` and
``conflict`` (two keys that do not go together).

Reading needs no torch.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from msgspec import inspect

from hevner.errors import DataError
from hevner.lab.data.recipe_encoder import substitute
from hevner.lab.recipe_types import (
    Derived,
    Key,
    Recipe,
    RecipeError,
    Section,
    check_keys,
    check_names,
)
from hevner.text_file import read_text, read_toml

R = TypeVar("R", bound=Recipe)


def read(path: Path, kind: type[R], encoder: str = "") -> R:
    """Read a recipe of a kind; an encoder that is given replaces the one that it names.

    A file that cannot be read, or holds something that the type does not allow, raises `DataError`.
    """
    text, table = _load(path)
    found: Mapping[str, Any] = table
    try:
        if encoder or ("encoder" in table and "encoder" in kind.__struct_fields__):
            table, text = substitute(table, text, encoder)
            found = table
        table = kind.completed(table, text, path.parent)
        return cast(R, _build(table, inspect.type_info(kind), ()))
    except RecipeError as fault:
        raise DataError(
            f"{_path(_origin(fault.where, found))} {fault.cause}",
            subject=str(path), remedy=fault.allowed, code=fault.code,
        ) from fault  # fmt: skip


def kind_of(path: Path) -> type[Recipe]:
    """The type that a recipe has, by the tables in it.

    A file that cannot be read, or has no tables of a known kind, raises `DataError`.
    """
    _, table = _load(path)
    known = kinds()
    for kind in known:
        if kind.mark in table:
            return kind
    raise DataError(
        "is no recipe of a known kind", subject=str(path), code="unknown_kind",
        remedy="Give it one of the keys " + ", ".join(kind.mark for kind in known),
    )  # fmt: skip


def kinds() -> tuple[type[Recipe], ...]:
    """Every kind of recipe."""
    from hevner.lab.cross_dataset.recipe import CrossDatasetRecipe
    from hevner.lab.default.recipe import DefaultRecipe
    from hevner.lab.explanation.recipe import ExplanationRecipe
    from hevner.lab.joint.recipe import JointRecipe
    from hevner.lab.music.recipe import HarmonyRecipe, ModesRecipe, RhythmRecipe
    from hevner.lab.own.recipe import OwnRecipe
    from hevner.lab.space.recipe import SpaceRecipe
    from hevner.lab.teachers.recipe import TagTeacherRecipe
    from hevner.lab.unified.recipe import UnifiedRecipe

    music = HarmonyRecipe, ModesRecipe, RhythmRecipe
    models = DefaultRecipe, SpaceRecipe, ExplanationRecipe, *music, TagTeacherRecipe, OwnRecipe
    return CrossDatasetRecipe, UnifiedRecipe, JointRecipe, *models


def allowed(kind: inspect.Type) -> str:
    """What a type allows, in words, such as ``a number from 0 to 1``."""
    match kind:
        case inspect.UnionType(types=types):
            members = [one for one in types if not isinstance(one, inspect.NoneType)]
            if all(isinstance(one, (inspect.IntType, inspect.FloatType)) for one in members):
                return allowed(members[-1])
            return " or ".join(allowed(one) for one in members)
        case inspect.IntType() | inspect.FloatType():
            word = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
            return word + " and".join(f" {near} {bound:g}" for near, _, bound in _bounds(kind))
        case inspect.StrType(min_length=least):
            return "a text that is not empty" if least else "a text"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(repr(one) for one in values)
        case inspect.VarTupleType(item_type=item, min_length=least):
            return f"a list{f' of at least {least}' if least else ''}, each {allowed(item)}"
        case inspect.TupleType(item_types=items):
            return f"a list of {len(items)}, each {allowed(items[0])}"
        case inspect.StructType(cls=cls):
            return "a table with the keys " + ", ".join(_keys(cls))
        case _:
            return "a table"


def _load(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        return read_text(path), read_toml(path)
    except OSError as error:
        raise DataError(
            f"the recipe cannot be read ({error.strerror})", subject=str(path),
            remedy="Check the path", code="file_missing",
        ) from error  # fmt: skip
    except ValueError as error:
        raise DataError(
            f"the recipe is no TOML ({error})", subject=str(path),
            remedy="Mend the file at this place", code="not_toml",
        ) from error  # fmt: skip


def _build(value: Any, kind: inspect.Type, where: tuple[Key, ...]) -> Any:
    """Check a value and what is inside it, and make a section of it if it is one."""
    member = _member(value, kind, where)
    match member:
        case inspect.StructType(cls=cls):
            return value if isinstance(value, cls) else _section(value, member, where)
        case inspect.DictType(key_type=key_type, value_type=value_type):
            if isinstance(key_type, inspect.LiteralType):
                check_keys(where, value, [str(one) for one in key_type.values])
            return {key: _build(one, value_type, (*where, key)) for key, one in value.items()}
        case inspect.VarTupleType(item_type=item, min_length=least):
            if len(value) < (least or 0):
                _out_of_range(value, member, where)
            return tuple(_build(one, item, (*where, k)) for k, one in enumerate(value))
        case inspect.TupleType(item_types=items):
            if len(value) != len(items):
                _out_of_range(value, member, where)
            pairs = enumerate(zip(value, items, strict=True))
            return tuple(_build(one, item, (*where, k)) for k, (one, item) in pairs)
        case inspect.IntType() | inspect.FloatType():
            if not (math.isfinite(value) and _inside(value, member)):
                _out_of_range(value, kind, where)
        case inspect.StrType(min_length=least):
            if len(value) < (least or 0):
                _out_of_range(value, kind, where)
        case inspect.LiteralType(values=values):
            check_names(where, (value,), [str(one) for one in values])
    return value


def _member(value: Any, kind: inspect.Type, where: tuple[Key, ...]) -> inspect.Type:
    """The member of a union that has the type of the value; the type itself otherwise."""
    members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for member in members:
        if _has_type(value, member):
            return member
    raise RecipeError("wrong_type", where, f"is {_shown(value)}", f"Give {allowed(kind)}")


def _has_type(value: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.StructType(cls=cls):
            return isinstance(value, (dict, cls))
        case inspect.DictType():
            return isinstance(value, dict)
        case inspect.VarTupleType() | inspect.TupleType():
            return isinstance(value, (list, tuple))
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.FloatType():
            return isinstance(value, float)
        case inspect.StrType() | inspect.LiteralType():
            return isinstance(value, str)
        case _:
            return isinstance(kind, inspect.AnyType)


def _section(table: dict[str, Any], kind: inspect.StructType, where: tuple[Key, ...]) -> Any:
    check_keys(where, [key for key in table if not isinstance(key, Derived)], _keys(kind.cls))
    found = {}
    for field in kind.fields:
        key = field.encode_name
        if key in table:
            found[field.name] = _build(table[key], field.type, (*where, key))
        elif field.required:
            raise RecipeError(
                "missing_key", (*where, key), "is missing", f"Give {allowed(field.type)}"
            )
    try:
        return kind.cls(**found)
    except RecipeError as fault:
        fault.where = (*where, *fault.where)
        raise


def _keys(kind: type) -> list[str]:
    section = cast(type[Section], kind)
    return [name for name in section.__struct_encode_fields__ if name not in section.derived]


def _out_of_range(value: Any, kind: inspect.Type, where: tuple[Key, ...]) -> NoReturn:
    raise RecipeError("out_of_range", where, f"is {_shown(value)}", f"Give {allowed(kind)}")


def _inside(value: float, kind: inspect.IntType | inspect.FloatType) -> bool:
    return all(holds(value, bound) for _, holds, bound in _bounds(kind))


def _bounds(
    kind: inspect.IntType | inspect.FloatType,
) -> list[tuple[str, Callable[[float, float], bool], float]]:
    """Bounds of a type: their words, comparisons and numbers."""
    every = (
        ("above", operator.gt, kind.gt), ("of at least", operator.ge, kind.ge),
        ("below", operator.lt, kind.lt), ("at most", operator.le, kind.le),
    )  # fmt: skip
    return [(word, holds, bound) for word, holds, bound in every if bound is not None]


def _shown(value: Any) -> str:
    """A value as TOML writes it, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _path(where: tuple[Key, ...]) -> str:
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in where)


def _origin(where: tuple[Key, ...], table: Mapping[str, Any]) -> tuple[Key, ...]:
    """Where a value stands in the file: in ``[base]`` if its own entry does not have it."""
    if len(where) > 2 and not _holds(table, where) and _holds(table.get("base"), where[2:]):
        return ("base", *where[2:])
    return where


def _holds(table: Any, where: tuple[Key, ...]) -> bool:
    try:
        for key in where:
            table = table[key]
    except (KeyError, IndexError, TypeError):
        return False
    return True
