"""Metadata in a catalogue: read with the analysis, alone where only tags changed, and later."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hevner import metadata
from hevner.audio import about_file
from hevner.catalog import renewal, seal
from hevner.catalog.catalog import Catalog
from hevner.catalog.checksums import CHECKSUM, checksums
from hevner.catalog.columns import ABOUT
from hevner.catalog.index_options import Options, Summary
from hevner.catalog.query import Query
from hevner.catalog.search import search
from hevner.catalog.writer import create
from tests import sounds
from tests.catalog.made_up import SPACE, FakeAnalyzer, pooled, run, song, state
from tests.catalog.test_golden_catalog import GOLDEN

NAMES = ("Ada/Dawn/01 One.flac", "Ada/Dawn/02 Two.flac", "Bob - Three.flac")


class Ears(FakeAnalyzer):
    """Makes up an analysis of any sound, by its digest."""

    def analyze(self, path: Path, /) -> Any:
        self.asked.append(path.name)
        return self.again(pooled(about_file.about(path)["sound"]))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder of three pieces that differ in their sound."""
    for number, name in enumerate(NAMES):
        samples = sounds.music(0.2) * (0.5 + number / 10)
        sounds.write(tmp_path / "music" / name, samples.astype(np.float32))
    return tmp_path / "music"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return create(tmp_path / "catalog", SPACE)


def rows(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """All columns of all pieces, by name; none is damaged."""
    opened = Catalog(catalog.folder, SPACE)
    assert not seal.damaged_file(opened.home, None)
    for table in (opened.pieces, opened.moments):
        found = table._table.to_arrow()
        assert (found[CHECKSUM].to_numpy() == checksums(found)).all()
    return {row["name"]: row for row in opened.pieces.records("true")}


def test_metadata_come_with_the_analysis(music: Path, catalog: Catalog) -> None:
    run(music, catalog, Ears())
    found = rows(catalog)
    one, three = found[NAMES[0]], found[NAMES[2]]
    assert [one[name] for name in ("artist", "album", "track", "title")] == [
        "Ada",
        "Dawn",
        1,
        "One",
    ]
    assert (three["artist"], three["album"], three["title"]) == ("Bob", None, "Three")
    assert {row["metadata"] for row in found.values()} == {metadata.source()}
    assert len({row["sound"] for row in found.values()}) == 3
    (hit,) = search(Catalog(catalog.folder, SPACE), Query.of(where="artist = 'Bob'"))
    assert (hit.label, hit.divergence, hit.fit) == ("Bob - Three", None, None)


def test_changed_tags_are_read_without_an_analysis(music: Path, catalog: Catalog) -> None:
    mutagen = pytest.importorskip("mutagen")
    run(music, catalog, Ears())
    before, ears = rows(catalog), Ears()
    file = mutagen.File(music / NAMES[0])
    file["title"] = "Öne more"
    file.save()
    assert run(music, catalog, ears) == Summary(unchanged=2, retagged=1)
    assert not ears.asked
    after = rows(catalog)
    old, new = before.pop(NAMES[0]), after.pop(NAMES[0])
    assert after == before
    changed = {name for name in new if str(new[name]) != str(old[name])}
    assert changed <= {"id", "size", "mtime", "changed", "title", CHECKSUM}
    assert (new["title"], new["artist"]) == ("Öne more", "Ada")
    # Moments and features have gone over to the new content.
    pieces, moments = state(catalog.folder)
    assert set(moments) == {id for id, _ in pieces.values()}
    assert set(catalog.kept.ids()) == set(moments)
    assert run(music, catalog, ears) == Summary(unchanged=3)
    # Other sound is other music, whatever its tags.
    sounds.write(music / NAMES[0], sounds.music(0.3))
    assert run(music, catalog, ears) == Summary(unchanged=2, changed=1)


def test_copies_have_the_names_of_their_own_paths(music: Path, catalog: Catalog) -> None:
    (music / "Cy" / "Dusk").mkdir(parents=True)
    shutil.copy(music / NAMES[0], music / "Cy" / "Dusk" / "07 Seven.flac")
    run(music, catalog, Ears())
    found = rows(catalog)
    assert found["Cy/Dusk/07 Seven.flac"]["artist"] == "Cy"
    assert found["Cy/Dusk/07 Seven.flac"]["id"] == found[NAMES[0]]["id"]


def test_an_older_catalogue_is_filled_without_an_analysis(music: Path, catalog: Catalog) -> None:
    run(music, catalog, Ears(), about=lambda _path, _name: dict.fromkeys(ABOUT))
    full = rows(catalog)
    catalog.pieces._table.drop_columns(list(ABOUT))
    catalog.moments._table.drop_columns([CHECKSUM])
    (catalog.home / seal.NAME).unlink()
    old = Catalog(catalog.folder, SPACE)
    assert not {*ABOUT} & {*old.pieces.schema.names}
    assert {hit.artist for hit in search(old, Query.of(valence=0.5, arousal=0.1))} == {None}
    ears = Ears()
    assert run(music, old, ears) == Summary(unchanged=3, described=3)
    assert not ears.asked
    now = {row["name"]: row for row in Catalog(old.folder, SPACE).pieces.records("true")}
    for name in NAMES:
        about = about_file.about(music / name, name)
        assert {column: now[name][column] for column in ABOUT} == about
        assert all(now[name][c] == full[name][c] for c in ("id", "vector", "place", "written"))
    assert now[NAMES[0]]["artist"] == "Ada"
    assert run(music, old, ears) == Summary(unchanged=3)


def test_names_from_paths_are_replaced_once_tags_can_be_read(
    music: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutagen = pytest.importorskip("mutagen")
    file = mutagen.File(music / NAMES[0])
    file["title"] = "Tagged"
    file.save()
    with monkeypatch.context() as patch:
        patch.setattr(metadata, "can_read_tags", lambda: False)
        run(music, catalog, Ears())
        assert rows(catalog)[NAMES[0]]["title"] == "One"
        assert run(music, catalog, Ears()) == Summary(unchanged=3)
    assert run(music, catalog, Ears()) == Summary(unchanged=3, described=3)
    assert rows(catalog)[NAMES[0]]["title"] == "Tagged"


def test_many_old_rows_are_filled_some_at_a_time(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        song(tmp_path / "music" / f"{number}.mp3")
    run(tmp_path / "music", catalog)
    catalog.pieces._table.update(values={"metadata": None, CHECKSUM: None})
    monkeypatch.setattr("hevner.catalog.tables.AT_A_TIME", 7)
    monkeypatch.setattr("hevner.catalog.indexing.COPIES_AT_ONCE", 20)
    assert run(tmp_path / "music", catalog) == Summary(unchanged=30, described=30)
    assert all(row["metadata"] for row in rows(catalog).values())


def test_the_catalogue_of_an_early_version_is_read(tmp_path: Path) -> None:
    """As it was written: neither search nor listing needs the new columns."""
    folder = Path(shutil.copytree(GOLDEN, tmp_path / "golden"))
    (folder / "expected.json").unlink()
    catalog = Catalog(folder, SPACE)
    assert {row["artist"] for row in catalog.pieces.records("true")} == {None}
    (hit, *_) = search(catalog, Query.of(valence=0.1, arousal=0.1, moments=True))
    assert hit.title is None


def test_mending_and_another_model_keep_metadata(music: Path, catalog: Catalog) -> None:
    run(music, catalog, Ears())
    before = rows(catalog)
    with renewal.renewing(catalog.folder, SPACE, None, Options().stop) as renewed:
        renewed.carry(Ears(), Options())
    for name, row in rows(catalog).items():
        assert {c: row[c] for c in ABOUT} == {c: before[name][c] for c in ABOUT}
    assert run(music, Catalog(catalog.folder, SPACE), Ears()) == Summary(unchanged=3)
