"""The search index: found as in the tables, used for its version alone, and never wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import catalog as benchmark
from hevner.catalog import course, index_building, search_index
from hevner.catalog.catalog import Catalog
from hevner.catalog.playlist import make_playlist
from hevner.catalog.query import Query
from hevner.catalog.search import Hits, search
from hevner.catalog.writer import create, writing
from hevner.errors import OutputError
from hevner.model.space import load
from hevner.words import Lexicon
from hevner.words.describing import describe
from tests.catalog.library import Library, build
from tests.catalog.made_up import SPACE, musics, piece, rows
from tests.errors import raises

QUERIES = (
    {"mood": "very happy, slightly tense"},
    {"valence": 0.5, "arousal": -0.2, "radius": 0.5},
    {"mood": "sad", "where": "duration < 200", "unwanted": "calm"},
    {"path": "tense->calm", "where": "key_mode = 'minor'"},
    {"mood": "calm", "moments": True, "where": "duration < 300"},
    {"mood": "calm", "diverse": True, "count": 60},
    {"mood": "calm", "count": 500},
    {"like": "/music/3/it's 3.mp3"},
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A catalogue with indexes of several cells."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_building, "FEW", 100)
        patch.setattr(index_building, "BLOCK", 70)
        patch.setattr("tests.catalog.library.MOVED", 0.04)
        made_up = build(tmp_path_factory.mktemp("indexed"), 300)
        tidied(made_up.catalog.folder)
    return made_up


@pytest.fixture
def folder(library: Library, tmp_path: Path) -> Path:
    """A copy of that catalogue."""
    return shutil.copytree(library.catalog.folder, tmp_path / "catalog")


def tidied(folder: Path) -> None:
    with writing(Catalog(folder, SPACE)) as writer:
        writer.tidy()


def indexes(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.search"))


def without(folder: Path, target: Path) -> Catalog:
    """The catalogue without its indexes."""
    copy = shutil.copytree(folder, target)
    for path in indexes(copy):
        path.unlink()
    return Catalog(copy, SPACE)


def same(first: Hits, second: Hits) -> None:
    """Both are the same hits with the same values."""
    assert [(hit.path, hit.start, hit.key, hit.mode, hit.name) for hit in first] == [
        (hit.path, hit.start, hit.key, hit.mode, hit.name) for hit in second
    ]
    for one, other in zip(first, second, strict=True):
        assert one.divergence == pytest.approx(other.divergence, abs=1e-5)
        for name in ("fit", "valence", "arousal", "duration", "end"):
            assert getattr(one, name) == pytest.approx(getattr(other, name))


@pytest.mark.parametrize("asked", QUERIES)
def test_hits_are_those_without_it(asked: dict[str, object], folder: Path, tmp_path: Path) -> None:
    query = Query.of(**asked)  # type: ignore[arg-type]
    ours = Catalog(folder, SPACE)
    assert {*ours._indexes} == {"pieces", "moments"}
    hits = search(ours, query)
    assert hits
    same(hits, search(without(folder, tmp_path / "bare"), query))
    assert {*ours._indexes} == {"pieces", "moments"}


def test_playlists_are_those_without_it(folder: Path, tmp_path: Path) -> None:
    ends = [SPACE.emotion(describe(Lexicon().parse(word))) for word in ("tense", "very calm")]
    two = Catalog(folder, SPACE), without(folder, tmp_path / "bare")
    same(*(make_playlist(one, *ends, 1800.0) for one in two))  # type: ignore[call-arg]


def test_rows_are_in_several_cells_and_all_are_there(library: Library) -> None:
    index = Catalog(library.catalog.folder, SPACE)._indexes["pieces"]
    assert index.layout.cells == round(search_index.CELLS * 300**0.5)
    assert np.diff(index._bounds).max() < 100
    ids, values = index.nearest(np.ones(SPACE.width, np.float32), 1000)
    assert len(set(ids.tolist())) == len(index) == 300
    found = index.fetch(ids, ["path", "duration"])
    by_path = {one["path"]: one for one in library.pieces}
    assert {row["path"] for row in found} == set(by_path)
    for row, value in zip(found, values, strict=True):
        assert row["duration"] == pytest.approx(by_path[row["path"]]["duration"])
        place = by_path[row["path"]]["place"]
        np.testing.assert_array_equal(value[: len(place)], place)


@pytest.mark.parametrize("wanted", [None, "duration < 250"])
def test_few_rows_are_compared_and_the_best_of_all_are_found(
    library: Library, monkeypatch: pytest.MonkeyPatch, wanted: str | None
) -> None:
    catalog = Catalog(library.catalog.folder, SPACE)
    index = catalog._indexes["pieces"]
    passing = [batch["_rowid"].to_numpy() for batch in catalog.pieces.scan(["_rowid"], wanted)]
    some = np.sort(index._at(np.concatenate(passing)))
    some = some[some >= 0]
    vectors, courses = np.array(index._vectors), np.empty((300, 16))
    courses[index._course_lines] = index._courses
    monkeypatch.setattr(search_index, "STEP", 8)
    seen, best = [0], search_index._best

    def counted(reach, ends, count, compare):  # type: ignore[no-untyped-def]
        def compared(span: slice) -> object:
            seen[-1] += span.stop - span.start
            return compare(span)

        return best(reach, ends, count, compared)

    monkeypatch.setattr(search_index, "_best", counted)
    rng = np.random.default_rng(2)
    for line in rng.integers(300, size=20):
        course = (courses[line] + rng.normal(0, 0.05, 16)).astype(np.float32)
        query = SPACE.like_vectors(musics(1, int(line)))[0]
        for exact, ids in (
            (vectors[some] @ query, index.nearest(query, 5, passing)[0]),
            (
                -((courses[some] - course) ** 2).sum(axis=1),
                index.nearest_courses(course.reshape(2, 8), 5, passing)[0],
            ),
        ):
            assert index._at(ids).tolist() == some[np.argsort(-exact)[:5]].tolist()
            seen.append(0)
    assert np.median(seen[:-1]) < len(some) / 2


def test_a_piece_to_be_like_is_found_without_the_table(library: Library) -> None:
    catalog = Catalog(library.catalog.folder, SPACE)
    path = library.pieces[3]["path"]
    assert search(catalog, Query.of(like=path))
    assert not catalog._tables
    assert catalog.row_of(f"{path}x") is None
    number = catalog.row_of(path)
    assert catalog.fetch([number], ["path"]) == [{"path": path}]


def test_a_changed_catalogue_is_searched_without_it_until_it_is_made_anew(folder: Path) -> None:
    old = indexes(folder)
    before = Catalog(folder, SPACE)
    best = {"vector": 100 * piece(0)["vector"], "place": piece(0)["place"]}  # type: ignore[operator]
    with writing(Catalog(folder, SPACE)) as writer:
        writer.put([piece(900, name="new", **best)], [])
        during = Catalog(folder, SPACE)
        assert {*during._indexes} == {"moments"}
        vector = np.asarray(piece(0)["vector"])
        for catalog, names in ((during, ["new"]), (before, [])):
            found = catalog.candidates(vector, 1)
            new = [row["name"] for row in catalog.fetch(found.rows.tolist(), ["name"])]
            assert [name for name in new if name == "new"] == names
        # One that is looked at in the version of its index is that in all it reads.
        assert not before.pieces.count("name = 'new'")
        writer.tidy()
    assert len(indexes(folder)) == 2
    assert indexes(folder) != old
    after = Catalog(folder, SPACE)
    assert {*after._indexes} == {"pieces", "moments"}
    assert after.count("pieces") == 301
    before.refresh()
    assert before.count("pieces") == 301


def test_an_index_of_courses_compared_otherwise_is_made_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Catalog(folder, SPACE).pieces
    asked = Query.of(path="tense->calm")
    for module in (course, search_index, index_building):
        monkeypatch.setattr(module, "MOVEMENT", 2.0)
    assert search_index.opened(table.path) is None
    slowly = search(Catalog(folder, SPACE), asked)
    index_building.build(table)
    assert search_index.opened(table.path) is not None
    same(search(Catalog(folder, SPACE), asked), slowly)


def test_what_is_written_is_found_by_the_same_catalogue(folder: Path) -> None:
    catalog = Catalog(folder, SPACE)
    with writing(catalog) as writer:
        writer.put([piece(900)], [])
        assert catalog.pieces.count("path = '/music/900.mp3'") == 1
        assert catalog.count("pieces") == 303


def test_damage_anywhere_changes_no_hit(folder: Path, tmp_path: Path) -> None:
    """A bit that flips, a file cut short, and one of another length: the tables answer."""
    query = Query.of(mood="happy", count=40)
    expected = search(without(folder, tmp_path / "bare"), query)
    path = next(path for path in indexes(folder) if path.name.startswith("pieces"))
    sound = path.read_bytes()
    rng = np.random.default_rng(1)
    places = Catalog(folder, SPACE)._indexes["pieces"].layout.places
    vectors = range(places["vectors"][0], places["values"][0])
    hidden = 0
    for number in [*range(0, 40, 3), *rng.integers(len(sound), size=80).tolist()]:
        bits = bytearray(sound)
        bits[number] ^= 1 << int(rng.integers(8))
        path.write_bytes(bits)
        hits = search(Catalog(folder, SPACE), query)
        if number in vectors:  # may hide a row, which then is one of many
            values = {hit.path: hit.divergence for hit in hits}
            known = {hit.path: hit.divergence for hit in expected}
            hidden += set(values) != set(known)
            for name in set(values) & set(known):
                assert values[name] == pytest.approx(known[name], abs=1e-5)
        else:
            same(hits, expected)
    assert hidden < 10
    for wrong in (sound[:-1], sound + b" ", sound[:600], b"", b"{}", bytes(len(sound))):
        path.write_bytes(wrong)
        same(search(Catalog(folder, SPACE), query), expected)
    tidied(folder)
    assert search_index.opened(folder / "pieces.lance") is not None


@pytest.mark.parametrize("name", ["paths", "path_lines", "ids", "sums", "course_lines"])
def test_damage_to_the_orders_changes_no_hit(name: str, folder: Path, library: Library) -> None:
    asked = [Query.of(like=library.pieces[3]["path"]), Query.of(path="tense->calm")]
    expected = [search(Catalog(folder, SPACE), query) for query in asked]
    path = next(path for path in indexes(folder) if path.name.startswith("pieces"))
    first, kind, shape = Catalog(folder, SPACE)._indexes["pieces"].layout.places[name]
    with path.open("r+b") as file:
        file.seek(first)
        file.write(b"\xf1" * int(np.prod(shape)) * int(kind[-1]))
    for query, hits in zip(asked, expected, strict=True):
        same(search(Catalog(folder, SPACE), query), hits)


def test_no_room_is_said_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in indexes(folder):
        path.unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(index_building, "_put", full)
    with raises(OutputError, "no_space"):
        tidied(folder)
    assert not indexes(folder)
    assert not list(folder.glob(".hevner-*"))
    assert search(Catalog(folder, SPACE), Query.of(mood="sad"))


def test_tables_without_rows_have_one_too(tmp_path: Path) -> None:
    create(tmp_path, SPACE)
    tidied(tmp_path)
    catalog = Catalog(tmp_path, SPACE)
    assert {*catalog._indexes} == {"pieces", "moments"}
    assert search(catalog, Query.of(mood="sad")) == []
    assert search(catalog, Query.of(mood="sad", where="duration < 3", moments=True)) == []
    create(tmp_path, SPACE)
    assert not indexes(tmp_path)


def test_deleted_rows_and_several_fragments(tmp_path: Path) -> None:
    catalog = create(tmp_path, SPACE)
    spots = rows(musics(60))
    with writing(catalog) as writer:
        for first in range(0, 60, 20):
            new = [piece(n, **spots[n]) for n in range(first, first + 20)]
            silent = piece(100 + first, vector=None, place=None, status="silent")
            writer.put([silent, *new], [])
        writer.remove((f"/music/{n}.mp3", f"{n:040x}") for n in range(0, 60, 7))
        index_building.build(catalog.pieces)
    found = Catalog(tmp_path, SPACE)
    assert found._indexes["pieces"].layout.fragments == 3
    left = [n for n in range(60) if n % 7]
    for where, passing in ((None, left), ("size >= 30", [n for n in left if n >= 30])):
        ids = found.candidates(np.ones(SPACE.width, np.float32), 99, where).rows
        paths = {row["path"] for row in found.fetch(ids.tolist(), ["path"])}
        assert paths == {f"/music/{n}.mp3" for n in passing}


def test_a_search_of_the_command_line_loads_no_lancedb(folder: Path) -> None:
    code = (
        "import sys\nimport hevner.model.space\nfrom tests import joint_world\n"
        "hevner.model.space.load = joint_world.space\n"
        "from typer.testing import CliRunner\nfrom hevner.cli import app\n"
        "done = CliRunner().invoke(app, ['search', sys.argv[1], '--mood', 'happy', '-f', 'json'])\n"
        "print(done.exit_code, len(done.stdout), *({'lancedb', 'pyarrow'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "0"
    assert int(done.stdout.split()[1]) > 1000
    assert len(done.stdout.split()) == 2


def test_two_stages_find_what_an_exact_search_of_real_places_finds(tmp_path: Path) -> None:
    """The measurement of ``benchmarks/catalog.py``, with fewer pieces."""
    space, rng = load(), np.random.default_rng(4)
    made_up = benchmark.music(space, 20_000, rng)
    catalog = create(tmp_path, space)
    with writing(catalog) as writer:
        for table in benchmark.pieces(space, made_up, catalog.pieces.schema, rng):
            catalog.pieces.add(table)
        writer.tidy()
    assert {name for one in catalog.pieces._table.list_indices() for name in one.columns} == {
        *("tags", "quadrant", "key", "key_mode", "mode", "sounds_like")
    }
    assert set(benchmark.VARIANCES) == {1.0}
    assert (space.at_large.variance == space.music_variance).all()
    for kind in ("words", "points", "courses", "likes", "tenth"):
        wanted = benchmark.queries(kind, 25, 20_000)
        exact = benchmark.best(space, kind, wanted, made_up).tolist()
        found = json.loads(json.dumps(benchmark.time_searches(tmp_path, space, kind, 25)))
        shared = [len({*a} & {*b}) for a, b in zip(found["results"], exact, strict=True)]
        assert np.mean(shared) / benchmark.BEST >= 0.99
