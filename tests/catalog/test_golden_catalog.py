"""A catalogue that was made by an early version is found, searched and written as one of today.

``tests/golden/catalog`` was made by hevner 0.1.0 before the modules of catalogues were rearranged,
from the first 24 made-up pieces of `tests.catalog.library`, together with what searches found in
it; what it finds for a course is that of 0.2, which compares movement too. It is never made anew:
people have such catalogues. Only where a new default model refuses old
catalogues on purpose, write its identity into ``catalog.json``, and where a new schema does, its
number, and add its columns to the tables (``add_columns`` of LanceDB).
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import noted
from hevner.catalog.query import Query
from hevner.catalog.search import search
from hevner.catalog.writer import writing
from tests.catalog.library import build
from tests.catalog.made_up import SPACE, piece

GOLDEN = Path(__file__).parents[1] / "golden" / "catalog"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(GOLDEN, tmp_path / "catalog")
    (tmp_path / "catalog" / "expected.json").unlink()
    return tmp_path / "catalog"


@pytest.mark.parametrize("in_memory", [False, True])
def test_an_old_catalogue_is_searched_with_the_same_hits(in_memory: bool, folder: Path) -> None:
    catalog = Catalog(folder, SPACE)
    if in_memory:
        pytest.importorskip("fastapi", reason="the service needs the extra 'serve'")
        from hevner.serve.catalog_snapshot import CatalogSnapshot

        catalog = CatalogSnapshot(folder, SPACE)
    expected = json.loads((GOLDEN / "expected.json").read_text("utf-8"))
    assert len(expected) == 5
    for one in expected:
        hits = search(catalog, Query.of(**one["query"]))
        assert [[hit.name, hit.start] for hit in hits] == [hit[:2] for hit in one["hits"]]
        for hit, (_name, _start, divergence, fit) in zip(hits, one["hits"], strict=True):
            assert hit.divergence == pytest.approx(divergence, abs=2e-4)
            assert hit.fit == (None if fit is None else pytest.approx(fit, abs=2e-4))


def test_a_catalogue_of_today_has_the_same_header_and_rows(folder: Path, tmp_path: Path) -> None:
    old, new = Catalog(folder, SPACE), build(tmp_path / "new", count=24, intervals=False).catalog
    version = {"hevner": new.header.hevner, "model_name": new.header.model_name}
    assert dataclasses.replace(old.header, **version) == new.header
    assert {*old.pieces.schema, *noted("pieces")} == {*new.pieces.schema}
    assert {*old.moments.schema, *noted("moments")} == {*new.moments.schema}
    names = old.pieces.schema.names
    rows = [sorted(one.listing(names), key=lambda row: str(row["path"])) for one in (old, new)]
    for before, now in zip(*rows, strict=True):
        for name in ("vector", "place", "curve"):
            first, second = before.pop(name), now.pop(name)
            assert (first is None) == (second is None)
            if first is not None:
                np.testing.assert_allclose(second, first, rtol=1e-4, atol=1e-5)
        assert now == before


def test_an_old_catalogue_grows(folder: Path) -> None:
    catalog = Catalog(folder, SPACE)
    with writing(catalog) as writer:
        writer.put([piece(100, valence=0.1, arousal=0.2)], [])
    assert Catalog(folder, SPACE).pieces.count() == 27
