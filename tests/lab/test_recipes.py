"""Recipes are declared types: what a type does not allow is refused with file and key path."""

from __future__ import annotations

import copy
import hashlib
import inspect as python
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec import inspect

from hevner.blocks import WIDTHS
from hevner.defaults import DEFAULT_MODEL
from hevner.errors import DataError
from hevner.heads import SOUNDS_LIKE
from hevner.lab.cross_dataset.recipe import CrossDatasetRecipe, Model
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.explanation.recipe import ExplanationRecipe
from hevner.lab.joint.recipe import JointRecipe
from hevner.lab.music.recipe import HarmonyRecipe, ModesRecipe, RhythmRecipe
from hevner.lab.own.recipe import OwnRecipe
from hevner.lab.recipe_types import Recipe, Section, digest, plain
from hevner.lab.recipes import allowed, kind_of, kinds, read
from hevner.lab.regression.adaptation import Switches
from hevner.lab.regression.fusion import FusionRegressor
from hevner.lab.space.recipe import SpaceRecipe
from hevner.lab.teachers.recipe import TagTeacherRecipe
from hevner.lab.unified.recipe import UnifiedRecipe
from tests.errors import raises

ROOT = Path(__file__).parents[2]
PATHS = sorted(
    path
    for pattern in ("recipes/*.toml", "recipes/ablations/*.toml", "papers/*/*.toml")
    for path in ROOT.glob(pattern)
)
EXAMPLES: dict[type[Recipe], str] = {
    CrossDatasetRecipe: "papers/distribution_gap/at_hand.toml",
    UnifiedRecipe: "papers/unified/repaired.toml",
    JointRecipe: "papers/composite_loss/deam.toml",
    DefaultRecipe: "recipes/unified.toml",
    SpaceRecipe: "recipes/joint.toml",
    HarmonyRecipe: "recipes/harmony.toml",
    ModesRecipe: "recipes/modes.toml",
    RhythmRecipe: "recipes/rhythm.toml",
    TagTeacherRecipe: "recipes/tags.toml",
    ExplanationRecipe: "recipes/explanation.toml",
    OwnRecipe: "recipes/own.toml",
}
CODES = {
    "unknown_key", "missing_key", "wrong_type", "out_of_range", "unknown_name", "repeated_name",
    "conflict", "file_missing", "not_toml",
}  # fmt: skip

Where = tuple[str | int, ...]


def document(kind: type[Recipe]) -> dict[str, Any]:
    return tomllib.loads((ROOT / EXAMPLES[kind]).read_text("utf-8"))


def toml(value: Any) -> str:
    """A value as TOML writes it in a line."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {toml(one)}" for key, one in value.items())
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value)
    return str(value).lower()


def write(folder: Path, table: dict[str, Any]) -> Path:
    path = folder / "recipe.toml"
    path.write_text("\n".join(f"{json.dumps(key)} = {toml(one)}" for key, one in table.items()))
    if "unified" in table and not (folder / "unified.toml").exists():
        shutil.copy(ROOT / "recipes" / "unified.toml", folder)
    return path


def put(table: dict[str, Any], where: Where, value: Any) -> dict[str, Any]:
    """The table with a value put at a place."""
    table = copy.deepcopy(table)
    inside: Any = table
    for key in where[:-1]:
        inside = inside[key] if isinstance(inside, list) else inside.setdefault(key, {})
    inside[where[-1]] = value
    return table


def path_of(where: Where) -> str:
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in where)


# --- what is declared ---


def entries(kind: inspect.Type, table: Any, where: Where = ()) -> Iterator[tuple[Where, Any]]:
    """Every key that a type declares, with its type; of lists and named tables, the first."""
    if isinstance(kind, inspect.UnionType):
        kind = next((one for one in kind.types if isinstance(one, inspect.StructType)), kind)
    match kind:
        case inspect.StructType(cls=cls):
            yield where, kind
            for field in kind.fields:
                if field.encode_name in cls.derived or (
                    cls is SpaceRecipe and field.name == "unified"
                ):
                    continue
                inside = (*where, field.encode_name)
                value = table.get(field.encode_name, {}) if isinstance(table, dict) else {}
                yield inside, field.type
                yield from entries(field.type, value, inside)
        case inspect.DictType(value_type=item) if table:
            first = next(iter(table))
            yield (*where, first), item
            yield from entries(item, table[first], (*where, first))
        case inspect.VarTupleType(item_type=item) if table:
            yield (*where, 0), item
            yield from entries(item, table[0], (*where, 0))


DECLARED = [
    (kind, where, declared)
    for kind in EXAMPLES
    for where, declared in entries(inspect.type_info(kind), document(kind))
]
VALUES: tuple[Any, ...] = (-7, -7.5, "nonsense", True, [[[]]], {"nonsense": 1})
NUMERIC = (inspect.IntType, inspect.FloatType)


def members(declared: Any) -> tuple[Any, ...]:
    return declared.types if isinstance(declared, inspect.UnionType) else (declared,)


def wrong(declared: Any) -> Iterator[Any]:
    """Values of types that are not allowed."""
    kinds = {
        inspect.IntType: (int,), inspect.FloatType: (int, float), inspect.StrType: (str,),
        inspect.LiteralType: (str,), inspect.BoolType: (bool,), inspect.DictType: (dict,),
        inspect.StructType: (dict,), inspect.VarTupleType: (list,), inspect.TupleType: (list,),
        inspect.NoneType: (), inspect.AnyType: (object,),
    }  # fmt: skip
    fitting = tuple(one for member in members(declared) for one in kinds[type(member)])
    for value in VALUES:
        fits = isinstance(value, fitting) and (not isinstance(value, bool) or bool in fitting)
        if not fits and object not in fitting:
            yield value


def outside(declared: Any) -> Iterator[tuple[Any, str]]:
    """Values of the right type that are not allowed, with the code of the error."""
    for member in members(declared):
        match member:
            case inspect.IntType() | inspect.FloatType():
                if member.gt is not None:
                    yield member.gt, "out_of_range"
                if member.ge is not None:
                    yield member.ge - 1, "out_of_range"
                for bound in (member.lt, member.le):
                    if bound is not None:
                        yield bound + 1, "out_of_range"
                if isinstance(member, inspect.FloatType):
                    yield float("nan"), "out_of_range"
                    yield float("inf"), "out_of_range"
            case inspect.LiteralType():
                yield "nonsense", "unknown_name"
            case inspect.StrType(min_length=least) if least:
                yield "", "out_of_range"
            case inspect.VarTupleType(min_length=least) if least:
                yield [], "out_of_range"
            case inspect.TupleType():
                yield [], "out_of_range"


def names(case: tuple[type[Recipe], Where, Any]) -> str:
    return f"{case[0].__name__}:{path_of(case[1])}"


@pytest.mark.parametrize("case", [one for one in DECLARED if one[1]], ids=names)
def test_a_value_that_is_not_allowed_is_refused(
    tmp_path: Path, case: tuple[type[Recipe], Where, Any]
) -> None:
    kind, where, declared = case
    values = [(value, "wrong_type") for value in wrong(declared)] + list(outside(declared))
    assert values or isinstance(declared, inspect.AnyType)
    for value, code in values:
        path = write(tmp_path, put(document(kind), where, value))
        with raises(DataError, code, subject=str(path)) as found:
            read(path, kind)
        assert found.value.cause.startswith(f"{path_of(where)} ")
        assert found.value.remedy


@pytest.mark.parametrize(
    "case", [one for one in DECLARED if isinstance(one[2], inspect.StructType)], ids=names
)
def test_a_key_that_is_not_declared_is_refused_and_a_likely_one_named(
    tmp_path: Path, case: tuple[type[Recipe], Where, Any]
) -> None:
    kind, where, declared = case
    known = [
        field.encode_name for field in declared.fields if field.name not in declared.cls.derived
    ]
    for key, hint in ((f"{known[0]}z", f"Did you mean '{known[0]}'?"), ("qqq", known[-1])):
        path = write(tmp_path, put(document(kind), (*where, key), 1))
        with raises(DataError, "unknown_key", subject=str(path)) as found:
            read(path, kind)
        assert found.value.cause == f"{path_of((*where, key))} is not known"
        assert hint in found.value.remedy


@pytest.mark.parametrize(
    "case", [one for one in DECLARED if isinstance(one[2], inspect.StructType)], ids=names
)
def test_what_follows_from_the_file_is_no_key_of_it(
    tmp_path: Path, case: tuple[type[Recipe], Where, Any]
) -> None:
    kind, where, declared = case
    for key in declared.cls.derived:
        path = write(tmp_path, put(document(kind), (*where, key), "x"))
        with raises(DataError, "unknown_key"):
            read(path, kind)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_what_is_required_is_missed(tmp_path: Path, kind: type[Recipe]) -> None:
    for key in [one.encode_name for one in inspect.type_info(kind).fields if one.required]:
        table = document(kind)
        del table[key]
        with raises(DataError, "missing_key") as found:
            read(write(tmp_path, table), kind)
        assert found.value.cause == f"$.{key} is missing"


@pytest.mark.parametrize("kind", EXAMPLES)
@given(data=some.data())
def test_any_change_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: type[Recipe], data: some.DataObject
) -> None:
    where = data.draw(some.sampled_from([one[1] for one in DECLARED if one[0] is kind and one[1]]))
    leaf = some.booleans() | some.integers(-3, 3) | some.floats() | some.sampled_from(["", "x"])
    value = data.draw(leaf | some.lists(leaf, max_size=2) | some.dictionaries(
        some.sampled_from(["name", "x"]), leaf, max_size=2))  # fmt: skip
    path = write(tmp_path_factory.mktemp("any"), put(document(kind), where, value))
    error = None
    try:
        read(path, kind)
    except DataError as refused:
        error = refused
    assert error is None or (error.code in CODES and error.subject == str(path))


def test_every_key_is_explained() -> None:
    sections = {one[2].cls for one in DECLARED if isinstance(one[2], inspect.StructType)}
    assert len(sections) > 20
    for section in sections:
        bases = [one for one in section.__mro__ if issubclass(one, Section)]
        text = "\n".join(python.getdoc(one) or "" for one in bases)
        if section is Model:  # explained by the classes that the keys are parameters of
            text += f"{FusionRegressor.__doc__}{Switches.__doc__}"
        headings = " ".join(line for line in text.splitlines() if not line.startswith("    "))
        missing = set(section.__struct_fields__) - set(headings.replace(",", " ").split())
        missing -= set(text.split()) if section is Model else set()
        assert not missing, section


def test_types_are_described_in_words() -> None:
    declared = {where: one for kind, where, one in DECLARED if kind is JointRecipe}
    assert allowed(declared["folds",]) == "a whole number of at least 2"
    width = ("spaces", 0, "network", "width")
    assert allowed(declared[width]) == "a whole number of at least 1"
    weight = ("spaces", 0, "network", "weight")
    assert allowed(declared[weight]) == "a number of at least 0 and at most 1"
    assert allowed(declared["leaks",]) == "one of 'label', 'refuse'"


# --- files ---


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_recipe_is_read_by_its_kind(path: Path) -> None:
    recipe = read(path, kind_of(path))
    assert recipe.name
    assert len(recipe.digest) == 16
    assert json.loads(json.dumps(plain(recipe)))["name"] == recipe.name


def test_every_kind_has_a_key_of_its_own() -> None:
    assert set(kinds()) == set(EXAMPLES)
    for kind, example in EXAMPLES.items():
        assert kind_of(ROOT / example) is kind
        others = [one for one in EXAMPLES if one is not kind]
        assert not any(kind.mark in one.__struct_encode_fields__ for one in others)


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    with raises(DataError, "file_missing", subject=str(path)):
        kind_of(path)
    for text in (b"folds =", b"\xff"):
        path.write_bytes(text)
        with raises(DataError, "not_toml", subject=str(path)):
            read(path, JointRecipe)
    path.write_text('name = "x"')
    with raises(DataError, "unknown_kind", subject=str(path)):
        kind_of(path)


def test_reading_needs_no_torch() -> None:
    code = """
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("torch", "sklearn"):
            raise ImportError(name)
sys.meta_path.insert(0, Block())
from pathlib import Path
from hevner.lab.recipes import kind_of, read
for path in sys.argv[1:]:
    read(Path(path), kind_of(Path(path)))
"""
    subprocess.run([sys.executable, "-c", code, *map(str, PATHS)], check=True)


# --- the default model ---


def test_the_kinds_of_the_default_model_are_those_it_has_words_for() -> None:
    default = read(ROOT / EXAMPLES[DefaultRecipe], DefaultRecipe)
    assert default.sounds == SOUNDS_LIKE
    assert default.all_kinds == (*SOUNDS_LIKE, default.kinds.short)
    for entry in default.sets.values():
        assert entry.variants[0].seed == 0


def test_the_shipped_model_was_made_by_the_recipe() -> None:
    card = json.loads(DEFAULT_MODEL.with_suffix(".json").read_text("utf-8"))
    assert card["recipe"] == read(ROOT / EXAMPLES[DefaultRecipe], DefaultRecipe).digest


@pytest.mark.parametrize("name", ["linear", *(f"without_{block}" for block in WIDTHS)])
def test_an_ablation_is_the_default_model_without_tags_kernel_and_a_block(name: str) -> None:
    expected = document(DefaultRecipe)
    del expected["tags"]
    expected["name"] = f"unified-{name.replace('_', '-')}"
    expected["kernel"]["pieces"] = 1
    for penalty in expected["penalties"].values():
        penalty["kernel"] = 1e9
        penalty["blocks"] |= {block: 1e9 for block in WIDTHS if name == f"without_{block}"}
    path = ROOT / "recipes" / "ablations" / f"{name}.toml"
    assert tomllib.loads(path.read_text("utf-8")) == expected


# --- digests ---


def test_a_digest_names_the_text(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    text = (ROOT / EXAMPLES[JointRecipe]).read_text("utf-8")
    path.write_text(text, "utf-8")
    assert read(path, JointRecipe).digest == hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    path.write_text(text + "# more\n", "utf-8")
    assert read(path, JointRecipe).digest == digest(text + "# more\n")
    assert digest("name") == "82a3537ff0dbce7e"


def test_a_space_is_named_by_both_recipes(tmp_path: Path) -> None:
    path = write(tmp_path, document(SpaceRecipe))
    first = read(path, SpaceRecipe)
    assert first.digest == digest(path.read_text() + first.unified.digest)
    with (tmp_path / "unified.toml").open("a") as file:
        file.write("# another\n")
    assert read(path, SpaceRecipe).digest != first.digest


@pytest.mark.parametrize("case", json.loads((ROOT / "tests/golden/recipe_parts.json").read_text()))
def test_parts_are_written_as_when_cells_were_first_kept(case: str) -> None:
    """The digests are those of ``dataclasses.asdict`` before recipes were declared types."""
    name, _, encoder = case.partition(" with ")
    recipe = read(ROOT / name, kind_of(ROOT / name), encoder)
    parts: list[Any]
    match recipe:
        case JointRecipe():
            parts = [*map(plain, recipe.datasets.values()), *map(plain, recipe.spaces)]
        case UnifiedRecipe():
            parts = [*map(plain, recipe.heads.values()), *map(plain, recipe.rows)]
        case CrossDatasetRecipe():
            parts = [
                [name, list(model.mean_of), FusionRegressor(**model.parameters).get_params(),
                 asdict(model.switches)]
                for name, model in recipe.models.items()
            ]  # fmt: skip
    texts = [json.dumps(one, sort_keys=True).encode() for one in parts]
    found = digest(" ".join(hashlib.sha256(one).hexdigest()[:12] for one in texts))
    assert found == json.loads((ROOT / "tests/golden/recipe_parts.json").read_text())[case]


def test_whole_numbers_stay_whole(tmp_path: Path) -> None:
    path = write(tmp_path, put(document(JointRecipe), ("spaces", 0, "network"), {"weight": 1}))
    assert '"weight": 1,' in json.dumps(plain(read(path, JointRecipe).spaces[0]), sort_keys=True)


def test_a_model_has_the_parameters_of_the_regressor_and_the_switches() -> None:
    assert Model().parameters == {
        name: value for name, value in FusionRegressor().get_params().items() if name != "seed"
    }
    assert Model().switches == Switches()
    switches = {one.name for one in fields(Switches)}
    assert set(Model.__struct_fields__) == {*Model().parameters, *switches, "mean_of"}


# --- entries that must go together ---


@pytest.mark.parametrize(
    ("kind", "where", "value", "code", "path"),
    [
        (CrossDatasetRecipe, ("datasets", "museumo"), {}, "unknown_name", "$.datasets.museumo"),
        (CrossDatasetRecipe, ("models", "mean"), {"mean_of": ["nobody"]}, "unknown_name",
         "$.models.mean.mean_of"),
        (CrossDatasetRecipe, ("models", "mean"), {"mean_of": ["mean"]}, "conflict",
         "$.models.mean.mean_of"),
        (CrossDatasetRecipe, ("models", "mean"), {"mean_of": ["ridge"], "gems": True}, "conflict",
         "$.models.mean.mean_of"),
        (CrossDatasetRecipe, ("protocols", 0), {"name": "split"}, "conflict",
         "$.protocols[0].split"),
        (CrossDatasetRecipe, ("protocols", 0), {"name": "matrix", "models": ["x"]}, "unknown_name",
         "$.protocols[0].models"),
        (CrossDatasetRecipe, ("protocols", 0), {"name": "matrix", "unseen": ["x"]}, "unknown_name",
         "$.protocols[0].unseen"),
        (CrossDatasetRecipe, ("claims",), [{"claim": "c", "first": {"colour": "x"}, "second": {}}],
         "unknown_key", "$.claims[0].first.colour"),
        (CrossDatasetRecipe, ("claims",), [{"claim": "c", "first": {"model": "x"}, "second": {}}],
         "unknown_name", "$.claims[0].first.model"),
        (CrossDatasetRecipe, ("claims",), [{"claim": "c", "first": {"seen": "x"}, "second": {}}],
         "wrong_type", "$.claims[0].first.seen"),
        (CrossDatasetRecipe, ("claims",), [{"claim": "c", "first": {"train": "x"}, "second": {}}],
         "unknown_name", "$.claims[0].first.train"),
        (CrossDatasetRecipe, ("encoder",), "jukbox-5b", "unknown_name", "$.encoder"),
        (CrossDatasetRecipe, ("encoder",), "mert-v1-95m+13", "unknown_name", "$.encoder"),
        (UnifiedRecipe, ("heads", "x"), {"kind": "shares", "source": "quadrants",
         "datasets": ["deam"]}, "unknown_name", "$.heads.x.kind"),
        (UnifiedRecipe, ("rows", 0, "heads"), ["x"], "unknown_name", "$.rows[0].heads"),
        (UnifiedRecipe, ("rows", 0, "teachers"), "x", "conflict", "$.rows[0].teachers"),
        (UnifiedRecipe, ("base", "chord_limit"), 0, "out_of_range", "$.base.chord_limit"),
        (UnifiedRecipe, ("base", "training", "batch"), 0, "out_of_range",
         "$.base.training.batch"),
        (UnifiedRecipe, ("base", "nets"), 0, "unknown_key", "$.base.nets"),
        (UnifiedRecipe, ("claims", 0, "second"), "x", "unknown_name", "$.claims[0].second"),
        (JointRecipe, ("datasets", "deam", "windows"), "x", "conflict", "$.datasets.deam.blocks"),
        (JointRecipe, ("spaces", 0, "network"), {"members": 1}, "out_of_range",
         "$.spaces[0].network.members"),
        (JointRecipe, ("spaces", 1, "name"), "random", "repeated_name", "$.spaces"),
        (JointRecipe, ("claims", 0, "second"), "x", "unknown_name", "$.claims[0].second"),
        (DefaultRecipe, ("sets", "musemo", "variants"), ["recorded"], "unknown_name",
         "$.sets.musemo.variants[0]"),
        (DefaultRecipe, ("penalties", "gems", "blocks", "chords"), 1, "unknown_key",
         "$.penalties.gems.blocks.chords"),
        (DefaultRecipe, ("penalties", "gems", "blocks"), {}, "missing_key",
         "$.penalties.gems.blocks.musicnn"),
        (DefaultRecipe, ("kinds", "at_large"), ["song", "opera"], "unknown_name",
         "$.kinds.at_large.opera"),
        (DefaultRecipe, ("kinds", "short"), "opera", "unknown_name", "$.kinds.short.opera"),
        (DefaultRecipe, ("tags", "listeners", "spicy"), [0, 1], "unknown_key",
         "$.tags.listeners.spicy"),
        (DefaultRecipe, ("encoder",), "musicnn", "unknown_key", "$.encoder"),
        (SpaceRecipe, ("unified",), 3, "wrong_type", "$.unified"),
    ],
)  # fmt: skip
def test_entries_that_do_not_go_together_are_refused(
    tmp_path: Path, kind: type[Recipe], where: Where, value: Any, code: str, path: str
) -> None:
    file = write(tmp_path, put(document(kind), where, value))
    with raises(DataError, code, subject=str(file)) as found:
        read(file, kind)
    assert found.value.cause.startswith(f"{path} ")


def test_the_recipe_of_the_default_model_is_named_in_its_own_errors(tmp_path: Path) -> None:
    path = write(tmp_path, document(SpaceRecipe))
    (tmp_path / "unified.toml").write_text("folds = -1")
    with raises(DataError, "unknown_key", subject=str(tmp_path / "unified.toml")):
        read(path, SpaceRecipe)
    (tmp_path / "unified.toml").unlink()
    with raises(DataError, "file_missing", subject=str(tmp_path / "unified.toml")):
        read(path, SpaceRecipe)


def test_an_error_says_what_was_found_and_what_is_allowed(tmp_path: Path) -> None:
    path = write(tmp_path, put(document(JointRecipe), ("folds",), -1))
    with raises(DataError, "out_of_range") as found:
        read(path, JointRecipe)
    assert str(found.value) == f"{path}: $.folds is -1. Give a whole number of at least 2"
