"""The catalogue over HTTP: what `hevner search` finds, found by others."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import FileResponse

from hevner.catalog.course import Course
from hevner.catalog.file_identity import Stamp
from hevner.catalog.query import Place, Query
from hevner.catalog.search import search
from hevner.catalog.writer import create, writing
from hevner.errors import HevnerError
from hevner.files import file_named
from hevner.metadata import SHOWN
from hevner.serve import media, query_request, schemas
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.words import Lexicon
from tests.catalog import made_up
from tests.catalog.library import Library, build
from tests.serve.servers import PATIENCE_S, Running, running, settings, snapshot, wait_for
from tests.serve.test_serve_guard import BEARER, TOKEN

WORDS = Lexicon()


def ask(server: Running, **wanted: Any) -> list[dict]:
    answer = server.post("/catalog/search", wanted)
    assert answer.status == 200, answer.body
    return answer.json["hits"]


def the_same(server: Running, music: Library, query: Query, **wanted: Any) -> None:
    """The server finds what a search finds."""
    expected = search(music.catalog, query)
    assert expected
    found = ask(server, **wanted)
    assert [hit["name"] for hit in found] == [hit.name for hit in expected]
    assert [hit["divergence"] for hit in found] == pytest.approx(
        [hit.divergence for hit in expected], abs=1e-3
    )
    assert [hit["start"] for hit in found] == [hit.start for hit in expected]


def test_every_query_of_a_search(server: Running, music: Library) -> None:
    calm = WORDS.parse("very calm, slightly sad")
    same = (server, music)
    the_same(*same, Query(feelings=calm), words=["very calm", "slightly sad"])
    the_same(
        *same,
        Query(place=Place(0.2, -0.4, 0.3), count=5),
        point={"valence": 0.2, "arousal": -0.4, "radius": 0.3},
        limit=5,
    )
    the_same(
        *same,
        Query(place=Place(0.2, -0.4), feelings=calm, unwanted=WORDS.parse("dark"), diverse=True),
        point={"valence": 6, "arousal": 3},
        scale="0..10",
        words=["very calm", "slightly sad"],
        unwanted=["dark"],
        diversity=True,
    )
    the_same(
        *same, Query(feelings=calm, moments=True), words=["very calm, slightly sad"], moments=True
    )
    drawn = Course.through([0, 1, 4], [-0.5, 0.1, 0.5], [0.5, 0.2, -0.5])
    the_same(*same, Query(course=drawn), course=[[0, -0.5, 0.5], [1, 0.1, 0.2], [4, 0.5, -0.5]])
    the_same(
        *same,
        Query(like=Path(music.pieces[7]["path"])),
        like=music.pieces[7]["id"],
    )
    the_same(
        *same,
        Query(feelings=calm, where="duration < 200 AND key_mode = 'minor' AND name LIKE '%it''s%'"),
        words=["very calm", "slightly sad"],
        filters={"duration": {"max": 200}, "key_mode": "minor", "name": "IT'S"},
    )
    more = "tension >= 0.1 AND mode = 'dorian' AND sounds_like = 'film score'"
    the_same(
        *same,
        Query(feelings=calm, where=more),
        words=["very calm", "slightly sad"],
        filters={"tension": {"min": 0.1}, "mode": "dorian", "sounds_like": "film score"},
    )
    open_columns = "emotion_fear > 0.1 and array_has(key_candidates, 'E minor')"
    the_same(
        *same,
        Query(feelings=calm, where=open_columns),
        words=["very calm", "slightly sad"],
        where=open_columns,
    )
    the_same(
        *same,
        Query(feelings=calm, where="tempo > 100"),
        words=["very calm", "slightly sad"],
        where="tempo > 100 and not (key = 'C major; path' and false) or tempo > 100",
    )


def test_a_course_may_be_told_in_words(server: Running, music: Library) -> None:
    from hevner.catalog.course import parse

    the_same(server, music, Query(course=parse("tense->calm", WORDS)), course="tense->calm")


def test_hits_tell_no_paths(server: Running, music: Library) -> None:
    hit = ask(server, words=["calm"], limit=1)[0]
    assert set(hit) == {
        *("id", "name", "start", "end", "duration", "valence", "arousal", "scale", "key", "mode"),
        *("fit", "divergence", "course", "audio", *SHOWN),
    } - {"scale"}
    assert hit["audio"] == f"/api/v1/catalog/pieces/{hit['id']}/audio"
    (piece,) = [one for one in music.pieces if one["id"] == hit["id"]]
    assert piece["name"] == hit["name"]
    for answer in (
        server.post("/catalog/search", {"words": ["calm"]}),
        server.get("/catalog/pieces"),
        server.get(f"/catalog/pieces/{hit['id']}"),
        server.get("/catalog"),
        server.get("/models"),
    ):
        assert b"/music/" not in answer.body
        assert str(music.catalog.folder).encode() not in answer.body


def test_values_come_on_the_scale_asked_for(server: Running) -> None:
    plain = ask(server, words=["calm"], limit=3)
    scaled = ask(server, words=["calm"], limit=3, scale="1..9")
    for one, other in zip(plain, scaled, strict=True):
        assert other["valence"] == pytest.approx(5 + 4 * one["valence"], abs=1e-3)


def test_why_nothing_was_found(server: Running) -> None:
    found = server.post(
        "/catalog/search", {"words": ["calm"], "filters": {"duration": {"max": 1}}}
    ).json
    assert found["hits"] == []
    assert "filter" in found["nothing"]


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ({}, "query"),
        ({"words": ["hapy"]}, "words"),
        ({"unwanted": ["sad"]}, "query"),
        ({"words": ["calm"], "like": "000001"}, "query"),
        ({"words": ["calm"], "unwanted": ["calm"]}, "query"),
        ({"point": {"valence": 3, "arousal": 0}}, "query"),
        ({"point": {"valence": 0}}, "request"),
        ({"point": {"valence": 0, "arousal": 0, "radius": -1}}, "request"),
        ({"course": [[0, 0, 0], [0, 1, 1]]}, "query"),
        ({"course": [[0, 0, 0], [1, 2, 0]]}, "query"),
        ({"course": [[0, 0, 0]]}, "request"),
        ({"course": "calm"}, "query"),
        ({"course": "a->b", "moments": True}, "words"),
        ({"words": ["calm"], "limit": 0}, "request"),
        ({"words": ["calm"], "limit": 10**9}, "request"),
        ({"words": ["calm"] * 100}, "request"),
        ({"words": "calm"}, "request"),
        ({"words": ["calm"], "wrods": ["sad"]}, "request"),
        ({"words": ["calm"], "scale": "x"}, "request"),
        ({"words": ["calm"], "scale": "1..1"}, "scale"),
        ({"words": ["calm"], "where": "path LIKE '/m%'"}, "filter"),
        ({"words": ["calm"], "where": "duration <"}, "filter"),
        ({"words": ["calm"], "where": "sleep(10)"}, "filter"),
        ({"words": ["calm"], "where": "name = 'x') OR (cause = ''"}, "filter"),
        ({"words": ["calm"], "filters": {"tags": ["x' OR '1"]}}, "filter"),
        ({"words": ["calm"], "filters": {"path": "x"}}, "request"),
        ({"text": "rain at night"}, "catalog"),
    ],
)
def test_what_makes_no_sense_is_refused(server: Running, wanted: dict, kind: str) -> None:
    answer = server.post("/catalog/search", wanted)
    assert answer.status == (409 if kind == "catalog" else 422)
    assert answer.kind == kind
    assert b"/" not in answer.body.replace(b"/api/", b"") or kind in ("words", "request")


def test_what_is_no_json_is_refused(server: Running) -> None:
    for body in (b"", b"{", b"\xff", b"[]", b"null", b'{"words": [NaN]}', b"[" * 200):
        headers = {"Content-Type": "application/json"}
        answer = server.post("/catalog/search", body, headers=headers)
        assert answer.status in (400, 422)
        assert answer.kind
    numbers = b'{"point": {"valence": NaN, "arousal": Infinity}}'
    assert server.post("/catalog/search", numbers, headers=headers).kind == "request"


@pytest.mark.parametrize(
    "where",
    [
        "path = 'x'",
        'p"ath = 1',
        "name ~ '(a+)+$'",
        "duration > 1 -- x",
        "duration > 1 /* x */",
        "regexp_like(name, 'x')",
        "name = 'a' || repeat('x', 1000000000)",
        "n\u0430me = 'cyrillic'",
        "_rowid > 1",
        "1 = 1; x",
    ],
)
def test_conditions_speak_of_what_is_open_only(where: str) -> None:
    with pytest.raises(HevnerError, match="may not use"):
        query_request.checked(where)


@pytest.mark.parametrize(
    "where", ["valence " + "+ 1" * 70 + " > 0", "NOT " * 70 + "true", f"tempo IN ({'1, ' * 70}1)"]
)
def test_conditions_have_a_limited_number_of_operators(where: str) -> None:
    with pytest.raises(HevnerError, match="more than 60 operators"):
        query_request.checked(where)


def test_conditions_are_joined_and_quoted() -> None:
    filters = schemas.Filters(key="it's", tags=["calm"], quadrants=["Q1", "Q2"])  # type: ignore[call-arg]
    assert query_request.condition(filters, "tempo > 1 or tempo < 0") == (
        "(tempo > 1 or tempo < 0) AND key = 'it''s' AND quadrant IN ('Q1', 'Q2')"
        " AND array_has(tags, 'calm')"
    )
    assert query_request.condition(None, " ") == ""


def test_facts_and_pages(server: Running, music: Library) -> None:
    facts = server.get("/catalog").json
    assert facts["pieces"] == len(music.pieces)
    assert facts["moments"] == len(music.moments)
    names: list[str] = []
    while page := server.get(f"/catalog/pieces?limit=130&offset={len(names)}").json["pieces"]:
        names += [piece["name"] for piece in page]
    assert names == sorted(piece["name"] for piece in music.pieces)
    for query in ("limit=0", "limit=501", "offset=-1", "limit=x", "offset=9999999999999"):
        assert server.get(f"/catalog/pieces?{query}").kind == "request"


def test_hits_show_how_they_move(server: Running) -> None:
    for scale, span in (("-1..1", 2), ("1..9", 8)):
        hits = ask(server, words=["calm"], scale=scale)
        assert hits
        for hit in hits:
            valence, arousal = (sum(axis) / len(axis) for axis in hit["course"])
            place = hit["valence"], hit["arousal"]
            assert (valence, arousal) == pytest.approx(place, abs=0.02 * span)
            assert len(set(hit["course"][0])) > 1


def test_a_slow_condition_does_not_hold_up_a_search(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    go_on, find = Event(), query_request.find

    def slow(snapshot: Any, request: schemas.Search) -> Any:
        assert not request.where or go_on.wait(PATIENCE_S)
        return find(snapshot, request)

    monkeypatch.setattr(query_request, "find", slow)
    with ThreadPoolExecutor(4) as clients:
        waiting = [
            clients.submit(ask, server, words=["calm"], where="duration > 1") for _ in range(4)
        ]
        try:
            assert ask(server, words=["calm"])
            assert not any(one.done() for one in waiting)
        finally:
            go_on.set()
        assert all(one.result() for one in waiting)


def test_points(server: Running, music: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = server.get("/catalog/pieces?points=true").json
    assert answer["total"] == 300
    assert answer["pieces"] is None
    points = answer["points"]
    where = {piece["id"]: (piece["valence"], piece["arousal"]) for piece in music.pieces}
    assert len(points["ids"]) == 300
    for id, valence, arousal in zip(
        points["ids"], points["valence"], points["arousal"], strict=True
    ):
        assert (valence, arousal) == pytest.approx(where[id], abs=1e-4)
    monkeypatch.setattr("hevner.serve.catalog.MOST_POINTS", 100)
    fewer = server.get("/catalog/pieces?points=true").json["points"]
    assert fewer["ids"] == points["ids"][::3]


def test_a_piece_its_curve_and_its_emotions(server: Running, music: Library) -> None:
    id = music.pieces[4]["id"]
    piece = server.get(f"/catalog/pieces/{id}").json
    assert piece["name"] == music.pieces[4]["name"]
    assert piece["key_mode"] == music.pieces[4]["key_mode"]
    for name in ("tension", "emotion_fear"):
        assert piece[name] == pytest.approx(music.pieces[4][name], abs=1e-4)
    for name in ("mode", "key_candidates", "sounds_like"):
        assert piece[name] == music.pieces[4][name]
    assert piece["emotion_joy"] is None
    moments = server.get(f"/catalog/pieces/{id}/curve").json["moments"]
    assert moments[1]["tension"] is None
    assert [moment["start"] for moment in moments] == [0, 9, 18]
    assert moments[1]["valence"] == pytest.approx(music.moments[13]["valence"], abs=1e-4)
    words = server.get(f"/catalog/pieces/{id}/emotions").json["words"]
    assert 0 < len(words) <= 12
    assert all(word["probability"] >= 0.5 for word in words)
    assert [word["divergence"] for word in words] == sorted(word["divergence"] for word in words)
    for rest in ("", "/curve", "/emotions", "/audio"):
        assert server.get(f"/catalog/pieces/none{rest}").kind == "not_found"
    assert server.get(f"/catalog/pieces/{id}/audio").kind == "gone"


def test_a_playlist(server: Running) -> None:
    wanted = {"from": "tense", "to": {"valence": 0.5, "arousal": -0.5}, "minutes": 30}
    answer = server.post("/catalog/playlist", wanted).json
    assert answer["minutes"] == pytest.approx(30, abs=4)
    assert len({hit["id"] for hit in answer["hits"]}) == len(answer["hits"]) > 3
    for change in ({"minutes": -1}, {"minutes": 10**6}, {"from": 3}, {"to": "nothing"}):
        assert server.post("/catalog/playlist", wanted | change).status == 422
    short = server.post("/catalog/playlist", wanted | {"filters": {"duration": {"max": 60.5}}})
    assert (short.status, short.kind) == (409, "catalog")


def test_a_filter_alone_lists_by_name(server: Running, music: Library) -> None:
    hits = ask(server, filters={"duration": {"max": 200}}, limit=5)
    names = sorted(piece["name"] for piece in music.pieces if piece["duration"] <= 200)
    assert [hit["name"] for hit in hits] == names[:5]
    assert {(hit["fit"], hit["divergence"]) for hit in hits} == {(None, None)}


def test_pieces_have_what_their_tags_say_and_a_cover(tmp_path: Path, state: Path) -> None:
    pytest.importorskip("mutagen")
    from tests.test_metadata import JPEG, sound, tag

    path = sound(tmp_path, "flac")
    tag(path)
    catalog = create(tmp_path / "catalog", made_up.SPACE)
    said = {"artist": "Ada", "title": "One", "year": 1999, "valence": 0.1, "arousal": 0.1}
    plain = sound(tmp_path / "plain", "ogg")
    with writing(catalog) as writer:
        writer.put([
            made_up.piece(1, path=str(path), cover="image/jpeg", **said) | asdict(Stamp.of(path)),
            made_up.piece(2, path=str(plain), valence=0.2, arousal=0.1) | asdict(Stamp.of(plain)),
        ], [])  # fmt: skip
    with running(settings(state, token=TOKEN), snapshot(tmp_path / "catalog")) as server:
        wanted = {"filters": {"artist": "ADA", "year": {"min": 1990}}}
        answer = server.post("/catalog/search", wanted, headers=BEARER)
        assert answer.status == 200, answer.body
        (hit,) = answer.json["hits"]
        assert (hit["artist"], hit["title"], hit["year"]) == ("Ada", "One", 1999)
        cover = server.ask("GET", hit["cover"], api="")
        assert (cover.status, cover.body) == (200, JPEG)
        assert cover.headers["content-type"] == "image/jpeg"
        assert server.ask("GET", hit["cover"].partition("?")[0], api="").status == 401
        first, other = server.get("/catalog/pieces", headers=BEARER).json["pieces"]
        assert (first["cover"] is None, first["artist"]) == (False, "Ada")
        assert other["cover"] is None
        none = server.get(f"/catalog/pieces/{other['id']}/cover", headers=BEARER)
        assert (none.status, none.kind) == (404, "not_found")


def test_without_a_catalogue_that_is_said(state: Path) -> None:
    with running(settings(state)) as server:
        for path in ("", "/pieces", "/pieces/x", "/pieces/x/audio"):
            answer = server.get(f"/catalog{path}")
            assert (answer.status, answer.kind) == (404, "no_catalog")
        assert server.post("/catalog/search", {"words": ["calm"]}).kind == "no_catalog"
        assert server.get("/health").json["catalog"] is False


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue whose pieces have files, among them some that should not be served."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "a song.mp3").write_bytes(bytes(range(256)) * 1000)
    (folder / os.fsdecode(b"caf\xe9.mp3")).write_bytes(b"not in UTF-8")
    (folder / "secret.txt").write_text("secret")
    (folder / "folder.wav").mkdir()
    catalog = create(folder / "catalog", made_up.SPACE)
    (folder / "another.mp3").write_bytes(b"before")
    names = ("a song.mp3", "secret.txt", "folder.wav", "gone.wav", "another.mp3", "caf\\xe9.mp3")
    rows = [
        made_up.piece(number, path=str(folder / name), name=name)
        | (asdict(Stamp.of(file)) if file.exists() else {})
        for number, name in enumerate(names)
        for file in [file_named(str(folder / name))]
    ]
    (folder / "another.mp3").unlink()
    (folder / "another.mp3").symlink_to(folder / "secret.txt")
    with writing(catalog) as writer:
        writer.put(rows, [])
    return folder


@pytest.fixture(scope="module")
def player(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    how = settings(tmp_path_factory.mktemp("player"), token=TOKEN)
    with running(how, snapshot(files / "catalog")) as server:
        yield server


def address(server: Running, name: str) -> str:
    pieces = server.get("/catalog/pieces", headers=BEARER).json["pieces"]
    return next(piece["audio"] for piece in pieces if piece["name"] == name)


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        (None, 200, slice(None)),
        ("bytes=0-99", 206, slice(100)),
        ("bytes=1000-", 206, slice(1000, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=255900-999999", 206, slice(255900, None)),
        ("bytes=256000-", 416, None),
        ("bytes=9-5", 400, None),
        ("lines=1-2", 400, None),
        ("bytes=-999999", 206, slice(None)),
        ("bytes=0-9,5-19", 206, slice(20)),
        ("bytes=0-9,256000-", 416, None),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 3000, 2)), 416, None),
    ],
)
def test_audio_comes_in_ranges(
    player: Running, files: Path, wanted: str | None, status: int, part: slice | None
) -> None:
    headers = {} if wanted is None else {"Range": wanted}
    answer = player.ask("GET", address(player, "a song.mp3"), headers=headers, api="")
    assert answer.status == status
    data = (files / "a song.mp3").read_bytes()
    if part is None:
        assert str(files).encode() not in answer.body
        return
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(data[part]).digest()
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["accept-ranges"] == "bytes"
    if status == 206:
        assert answer.headers["content-range"].endswith("/256000")


def test_headers_alone_read_nothing_of_the_file(
    player: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    class Noted(FileResponse):
        @property
        def chunk_size(self) -> int:  # type: ignore[override]
            read.append(self.path)
            return 65536

    monkeypatch.setattr(media, "FileResponse", Noted)
    song = address(player, "a song.mp3")
    for headers, status, length in (({}, 200, 256_000), ({"Range": "bytes=-7"}, 206, 7)):
        answer = player.ask("HEAD", song, headers=headers, api="")
        assert (answer.status, answer.body) == (status, b"")
        assert answer.headers["content-length"] == str(length)
        assert "content-security-policy" in answer.headers
        assert not read
    assert len(player.ask("GET", song, api="").body) == 256_000
    assert read


def test_audio_under_a_name_that_is_not_utf_8_is_served(player: Running) -> None:
    answer = player.ask("GET", address(player, "caf\\xe9.mp3"), api="")
    assert (answer.status, answer.body) == (200, b"not in UTF-8")


def test_audio_needs_a_signature_or_the_token(player: Running) -> None:
    signed = address(player, "a song.mp3")
    bare = signed.partition("?")[0]
    assert player.ask("GET", bare, api="").status == 401
    assert player.ask("GET", signed[:-1] + "x", api="").status == 401
    assert player.ask("GET", bare, headers=BEARER, api="").status == 200
    head = player.ask("HEAD", signed, api="")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == "256000"
    # It opens nothing else.
    query = signed.partition("?")[2]
    assert player.get(f"/words?{query}").status == 401
    assert player.ask("POST", signed, api="").status == 401


@pytest.mark.parametrize("name", ["secret.txt", "folder.wav", "gone.wav"])
def test_nothing_but_audio_files_is_served(player: Running, name: str) -> None:
    answer = player.ask("GET", address(player, name), api="")
    assert (answer.status, answer.kind) == (404, "gone")


def test_a_piece_that_has_changed_is_neither_played_nor_an_example(player: Running) -> None:
    pieces = player.get("/catalog/pieces", headers=BEARER).json["pieces"]
    id = next(piece["id"] for piece in pieces if piece["name"] == "another.mp3")
    audio = player.ask("GET", address(player, "another.mp3"), api="")
    assert (audio.status, audio.kind) == (409, "changed")
    answer = player.post("/catalog/search", {"like": id}, headers=BEARER)
    assert (answer.status, answer.kind) == (409, "changed")


def test_a_catalogue_that_grows_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hevner.serve.app.LOOK_S", 0.05)
    catalog = create(tmp_path / "catalog", made_up.SPACE)
    with running(settings(tmp_path / "state"), snapshot(tmp_path / "catalog")) as server:
        assert server.get("/catalog/pieces").json["total"] == 0
        assert server.post("/catalog/search", {"words": ["calm"]}).json["hits"] == []
        with writing(catalog) as writer:
            emotion = {"valence": 0.1, "arousal": 0.2}
            writer.put([made_up.piece(number, **emotion) for number in range(3)], [])
        wait_for(lambda: server.get("/catalog/pieces").json["total"] == 3)
        assert len(ask(server, words=["calm"])) == 3


def test_a_catalogue_that_was_damaged_for_a_while_is_seen_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks, newest_of = [], CatalogSnapshot.newest

    def looked(one: CatalogSnapshot) -> CatalogSnapshot:
        looks.append(one)
        return newest_of(one)

    monkeypatch.setattr(CatalogSnapshot, "newest", looked)
    monkeypatch.setattr("hevner.serve.app.LOOK_S", 0.05)
    catalog, emotion = create(tmp_path / "catalog", made_up.SPACE), {"valence": 0.1, "arousal": 0.2}
    with writing(catalog) as writer:
        writer.put([made_up.piece(0, **emotion)], [])
    with running(settings(tmp_path / "state"), snapshot(tmp_path / "catalog")) as server:
        newest = min((tmp_path / "catalog" / "pieces.lance" / "_versions").glob("*.manifest"))
        sound = newest.read_bytes()
        newest.unlink()
        newest.write_bytes(sound.replace(b"string", b"strinf"))
        wait_for(lambda: "is not read anew" in caplog.text)
        told_at = len(looks)
        wait_for(lambda: len(looks) > told_at + 3)
        assert caplog.text.count("is not read anew") == 1
        assert len(ask(server, words=["calm"])) == 1
        newest.write_bytes(sound)
        with writing(catalog) as writer:
            writer.put([made_up.piece(number, **emotion) for number in (1, 2)], [])
        wait_for(lambda: server.get("/catalog/pieces").json["total"] == 3)


def test_searches_that_pile_up_are_refused(music: Library, state: Path) -> None:
    from threading import Event, Thread

    hold, begun = Event(), Event()

    def slowly(*_: object) -> None:
        begun.set()
        hold.wait(PATIENCE_S)
        raise HevnerError("enough", stage="query")

    how = settings(state, searches=1, waiting=1)
    with (
        pytest.MonkeyPatch.context() as patch,
        running(how, snapshot(music.catalog.folder)) as server,
    ):
        patch.setattr(query_request, "find", slowly)
        statuses: list[int] = []

        def once() -> None:
            statuses.append(server.post("/catalog/search", {"words": ["calm"]}).status)

        threads = [Thread(target=once) for _ in range(5)]
        for thread in threads:
            thread.start()
        assert begun.wait(PATIENCE_S)
        wait_for(lambda: len(statuses) == 3)
        assert statuses == [503] * 3
        assert server.get("/health").status == 200
        hold.set()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert sorted(statuses) == [422, 422, 503, 503, 503]


def test_too_little_music_for_a_path_is_said(tmp_path: Path, state: Path) -> None:
    few = build(tmp_path / "few", 5).catalog.folder
    path = [{"valence": v, "arousal": a} for v, a in ((-0.6, 0.6), (0.6, 0.6), (0.6, -0.6))]
    wanted = {"from": path[0], "via": path[1:2], "to": path[2], "minutes": 300}
    with running(settings(state), snapshot(few)) as server:
        answer = server.post("/catalog/playlist", wanted)
    assert (answer.status, answer.kind) == (409, "catalog")
