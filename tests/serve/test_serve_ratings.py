"""Ratings: what is asked, what is kept, what is refused, and what comes out as a dataset."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from hevner import datasets
from hevner.cli import app
from hevner.datasets import reliability
from hevner.errors import DataError, OutputError
from hevner.serve import rating_export, rating_study
from hevner.serve.problems import ServiceError
from hevner.serve.rating_store import NAME_LENGTH, Rating, RatingStore, nickname
from hevner.serve.rating_study import EVERYONE, Study, order, select
from tests.catalog.library import Library
from tests.cli.test_docs import run_console
from tests.documents import BLOCK, ROOT
from tests.errors import raises
from tests.serve.servers import (
    PATIENCE_S,
    Address,
    Answer,
    Running,
    process,
    refused,
    running,
    settings,
    snapshot,
)

PLANE = {"valence": 0.25, "arousal": -0.5}


def study(**keys: Any) -> Study:
    return Study.model_validate(keys)


@pytest.fixture
def served(state: Path, music: Library) -> Iterator[Running]:
    with running(settings(state), snapshot(music.catalog.folder)) as server:
        yield server


def rate(server: Address, rater: str, piece: str, **given: Any) -> Answer:
    return server.post(f"/raters/{rater}", {"piece": piece, **given})


def rate_all(server: Address, rater: str, most: int, **given: Any) -> list[str]:
    """Rate so many pieces, one after the other."""
    pieces = []
    for _ in range(most):
        pieces.append(server.get(f"/raters/{rater}").json["next"]["piece"])
        assert rate(server, rater, pieces[-1], **(given or {"values": PLANE})).status == 201
    return pieces


def test_a_rater_gets_one_piece_after_the_other(served: Running) -> None:
    facts = served.get("/study").json
    assert (facts["pieces"], facts["practice"], facts["labels"]) == (60, True, [*PLANE])
    begun = served.get("/raters/ann").json
    assert begun["practice"]["piece"] != begun["next"]["piece"]
    assert set(begun["next"]) == {"piece", "duration", "audio"}  # nothing says what it is
    first = rate(served, "ann", begun["next"]["piece"], values=PLANE).json
    assert (first["done"], first["total"], first["practice"]) == (1, 60, None)
    assert first["next"]["piece"] != begun["next"]["piece"]
    assert rate(served, "ann", first["next"]["piece"], skipped="known").json["done"] == 2
    assert served.get("/raters/ben").json["done"] == 0
    found = served.get("/ratings").json
    assert found["raters"] == [{"rater": "ann", "rated": 1, "skipped": 1}]
    assert found["pieces"] == 1


def test_pieces_come_in_the_order_of_the_rater(served: Running, music: Library) -> None:
    found = select(EVERYONE, snapshot(music.catalog.folder).id_by_name)
    assert rate_all(served, "ann", 5) == order(EVERYONE, found, "ann")[:5]


def test_the_same_rating_may_be_sent_again_and_another_not(served: Running) -> None:
    (piece,) = rate_all(served, "ann", 1)
    again = rate(served, "ann", piece, values=PLANE)
    assert (again.status, again.json["done"]) == (201, 1)
    other = rate(served, "ann", piece, values=PLANE | {"valence": 1})
    assert (other.status, other.kind) == (409, "rated")
    assert len(served.get("/ratings").json["raters"]) == 1


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"values": {"valence": 0}},
        {"values": PLANE | {"tension": 0}},
        {"values": PLANE | {"valence": 1.01}},
        {"values": PLANE, "moments": [[0, 0, 0]]},
        {"values": PLANE, "skipped": "known"},
        {"moments": [[0, 0, 0]], "skipped": "known"},
        {"skipped": "bored"},
        {"values": PLANE, "heard_s": -1},
        {"values": PLANE, "mood": "good"},
        {"values": {f"v{number}": 0 for number in range(21)}},
        {"moments": [[0, 0, 0]] * 20_001},
    ],
)
def test_what_is_no_rating_is_refused(server: Running, given: dict[str, Any]) -> None:
    piece = server.get("/raters/ann").json["next"]["piece"]
    answer = rate(server, "ann", piece, **given)
    assert (answer.status, answer.kind in ("rating", "request")) == (422, True)
    assert server.get("/raters/ann").json["done"] == 0


def test_only_pieces_of_the_study_are_rated(server: Running) -> None:
    for piece in (server.get("/raters/ann").json["practice"]["piece"], "no such piece"):
        assert rate(server, "ann", piece, values=PLANE).status == 404


@pytest.mark.parametrize(
    "name", ["%20", "a%00b", "=1%2B1", "-x", "a%3Cb", "x" * 41, "..", "a%0Ab%E2%80%AE"]
)
def test_what_is_no_nickname(server: Running, name: str) -> None:
    assert server.get(f"/raters/{name}").status in (404, 422)


def test_nicknames_have_one_spelling() -> None:
    assert nickname("  Zoe\u0308   B. ") == "Zo\xeb B."
    assert nickname("李-2_x" * 6) == "李-2_x" * 6
    with pytest.raises(ServiceError):
        nickname("x" * (NAME_LENGTH + 1))


def test_without_a_catalogue_there_is_nothing_to_rate(state: Path) -> None:
    with running(settings(state)) as server:
        for path in ("/study", "/raters/ann", "/ratings", "/ratings/export"):
            answer = server.get(path)
            assert (answer.status, answer.kind) == (404, "no_catalog")


def test_addresses_of_audio_and_export_are_signed(state: Path, music: Library) -> None:
    with running(settings(state, token="t"), snapshot(music.catalog.folder)) as server:
        known = {"Authorization": "Bearer t"}
        assert server.get("/raters/ann").status == 401
        address = server.get("/ratings", headers=known).json["export"]
        assert server.get(address, api="").status == 200
        assert "signature=" in server.get("/raters/ann", headers=known).json["next"]["audio"]


# --- order


def known(count: int) -> dict[str, str]:
    return {f"{number}.mp3": f"id{number}" for number in range(count)}


def test_orders_are_random_by_rater_and_the_same_each_time() -> None:
    found = select(EVERYONE, known(300))
    assert len(found.pieces) == 60
    assert found.practice not in found.pieces
    orders = [order(EVERYONE, found, rater) for rater in ("ann", "Ann", "ben")]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) == sorted(found.pieces)
    assert select(study(seed=1), known(300)).pieces != found.pieces
    # A new piece moves the others by one place at most.
    more = select(EVERYONE, known(301)).pieces
    assert len({*more} & {*found.pieces}) >= 59
    # Which are these, on every machine and in every version.
    assert order(study(), select(study(count=3), known(9)), "ann") == ["id0", "id3", "id6"]


def test_pieces_and_practice_by_name_or_by_draw() -> None:
    names = known(6)
    listed = study(pieces=["3.mp3", "id1", "gone.mp3", "5.mp3"], order="listed", practice="0.mp3")
    assert select(listed, names) == rating_study.Selection(("id3", "id1", "id5"), "id0")
    assert order(listed, select(listed, names), "ann") == ["id3", "id1", "id5"]
    assert rating_study.missing(listed, names) == ["gone.mp3"]
    assert select(study(practice=False), names).practice is None
    # All are asked for: one is set aside, if enough are left.
    assert len(select(study(), names).pieces) == 5
    assert (len(select(study(), known(3)).pieces), select(study(), known(3)).practice) == (3, None)


# --- the file of a study


def read(tmp_path: Path, text: str) -> Study:
    (tmp_path / "study.toml").write_text(text)
    return rating_study.read(tmp_path / "study.toml")


def test_a_study_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, 'name = "film-1"\ninput = "moods"\nbreak_after = 5\npractice = false')
    assert (len(found.asked), found.numbers.name, found.break_after) == (9, "1..5", 5)
    sliders = read(tmp_path, 'input = "sliders"\nlabels = ["joy", "tension"]\nscale = "0..100"')
    assert (sliders.asked, sliders.numbers.high) == (("joy", "tension"), 100)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x =", "TOML"),
        ("colour = 1", "colour"),
        ('name = "Ann/../x"', "name"),
        ("seed = -1", "seed"),
        ('count = "3"', "count"),
        ('pieces = ["a", 3]', "pieces.1"),
        ('input = "dial"', "input"),
        ('labels = ["joy"]', "labels"),
        ('input = "sliders"\nlabels = ["joy", "joy"]', "labels"),
        ('input = "sliders"\nlabels = ["mirth"]', "labels"),
        ('input = "moods"\nwhen = "continuous"', "when"),
        ('scale = "1..9"', "scale"),
        ('input = "sliders"\nscale = "1..1000"', "scale"),
        ('input = "sliders"\nscale = "0..0.5"', "scale"),
        ('input = "sliders"\nscale = "9..1"', "scale"),
        ('order = "listed"', "order"),
    ],
)
def test_a_study_that_makes_no_sense(tmp_path: Path, text: str, place: str) -> None:
    with raises(DataError, "bad_study", subject=str(tmp_path / "study.toml")) as caught:
        read(tmp_path, text)
    assert place in caught.value.cause


def test_a_study_that_is_not_there(tmp_path: Path) -> None:
    with raises(DataError, "bad_study", subject=str(tmp_path / "none.toml")):
        rating_study.read(tmp_path / "none.toml")


# --- what is kept


def rating(rater: str, piece: str, **given: Any) -> Rating:
    blank = {"values": {}, "moments": [], "skipped": None, "heard_s": 9.5, "pauses": 0}
    return Rating(rater, piece, 0.0, blank | {"seeked": False} | given)


def test_ratings_of_another_scale_do_not_mix(tmp_path: Path) -> None:
    store = RatingStore(tmp_path, study(input="sliders"))
    store.add(rating("ann", "a", values={"valence": 3, "arousal": 9}))
    for other in (study(input="sliders", scale="1..7"), study(), study(input="moods")):
        with raises(DataError, "other_study", subject=str(tmp_path / "everyone.sqlite")):
            RatingStore(tmp_path, other)
    # Breaks, texts and pieces may change.
    again = RatingStore(tmp_path, study(input="sliders", break_after=3, title="again"))
    assert again.everything() == store.everything()
    assert RatingStore(tmp_path, study(name="other")).everything() == []


def test_there_is_a_limit_of_raters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hevner.serve.rating_store.MOST_RATERS", 2)
    store = RatingStore(tmp_path, study())
    for rater in ("ann", "ben"):
        store.add(rating(rater, "a"))
    with pytest.raises(ServiceError):
        store.add(rating("cleo", "a"))
    assert store.add(rating("ann", "b"))
    assert [one.piece + one.rater for one in store.everything()] == ["aann", "aben", "bann"]


def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "everyone.sqlite"
    path.write_bytes(b"no database" * 100)
    with raises(OutputError, "damaged", subject=str(path)):
        RatingStore(tmp_path, study())
    assert path.read_bytes() == b"no database" * 100


def test_ratings_of_a_newer_version_are_refused_and_left_alone(tmp_path: Path) -> None:
    RatingStore(tmp_path, study()).add(rating("ann", "a"))
    path = tmp_path / "everyone.sqlite"
    with closing(sqlite3.connect(path)) as table:
        table.execute("PRAGMA user_version = 2")
    before = path.read_bytes()
    with raises(DataError, "newer_version", subject=str(path)):
        RatingStore(tmp_path, study())
    assert path.read_bytes() == before


def test_ratings_of_before_their_form_had_a_number_are_read(tmp_path: Path) -> None:
    store = RatingStore(tmp_path, study())
    store.add(rating("ann", "a"))
    with closing(sqlite3.connect(tmp_path / "everyone.sqlite")) as table:
        table.execute("PRAGMA user_version = 0")
    assert RatingStore(tmp_path, study()).everything() == store.everything()


def test_a_file_that_another_process_locks_holds_up_nothing_else(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hevner.serve.rating_store.WAIT_S", 0.5)
    (piece,) = rate_all(served, "ann", 1)
    path = served.settings.state / "ratings" / "everyone.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert served.get("/raters/ann").json["done"] == 1
        assert len(served.get("/ratings").json["raters"]) == 1
        busy = rate(served, "ben", piece, values=PLANE)
        assert (busy.status, busy.kind) == (503, "write")
        assert "another process" in busy.json["error"]["message"]
        other.execute("ROLLBACK")
    assert rate(served, "ben", piece, values=PLANE).status == 201


@pytest.mark.parametrize("same", [True, False])
def test_two_who_take_one_nickname_at_once_give_one_rating(served: Running, same: bool) -> None:
    piece = served.get("/raters/ann").json["next"]["piece"]
    values = [PLANE | {"valence": 0.25 if same else number / 8} for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: rate(served, "ann", piece, values=one), values))
    statuses = sorted(answer.status for answer in answers)
    assert statuses == ([201] * 8 if same else [201] + [409] * 7)
    (kept,) = RatingStore(served.settings.state / "ratings", EVERYONE).everything()
    (taken,) = {one["valence"] for one, a in zip(values, answers, strict=True) if a.status == 201}
    assert kept.given["values"]["valence"] == taken


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")
def test_what_was_acknowledged_outlives_kills(state: Path, music: Library) -> None:
    """Four raters at once, the server killed in the middle of it, three times."""
    raters = ("ann", "ben", "cleo", "dan")
    acknowledged: set[tuple[str, str]] = set()

    def go_on(address: Address, rater: str, goal: int, enough: threading.Event) -> None:
        try:
            while True:
                (piece,) = rate_all(address, rater, 1)
                acknowledged.add((rater, piece))
                if len(acknowledged) >= goal:
                    enough.set()
        except (OSError, HTTPException):
            return  # it is killed

    for turn in range(1, 4):
        with process(state, catalog=str(music.catalog.folder)) as (server, address):
            enough = threading.Event()
            threads = [
                threading.Thread(target=go_on, args=(address, rater, 20 * turn, enough))
                for rater in raters
            ]
            for thread in threads:
                thread.start()
            assert enough.wait(PATIENCE_S)
            server.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
    kept = RatingStore(state / "ratings", EVERYONE).everything()
    pairs = {(one.rater, one.piece) for one in kept}
    assert pairs >= acknowledged
    # What was on its way may be there, not acknowledged: one of each rater and kill at most.
    assert 60 <= len(kept) == len(pairs) <= len(acknowledged) + 3 * len(raters)
    assert all(one.given["values"] == PLANE for one in kept)


# --- results and export


def unpacked(server: Address, folder: Path, query: str = "") -> Path:
    answer = server.get(f"/ratings/export{query}")
    assert answer.headers["content-type"] == "application/zip"
    assert 'filename="' in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.body)) as packed:
        assert packed.testzip() is None
        packed.extractall(folder)
    return folder


def values_of(plan: Study, turn: int, rater: int) -> dict[str, float]:
    """Made up, rising with the turn, raters differing a little."""
    scale = plan.numbers
    steps = {name: (7 * turn + 3 * rater * k + k) % 9 / 8 for k, name in enumerate(plan.asked)}
    return {
        name: round(scale.low + share * (scale.high - scale.low)) for name, share in steps.items()
    }


def test_agreement_is_of_all_ratings_whenever_it_is_asked_for(state: Path, music: Library) -> None:
    plan = study(name="four", count=4, practice=False)
    with running(settings(state), snapshot(music.catalog.folder), study=plan) as server:
        pieces = server.get("/catalog/pieces?limit=300").json["pieces"]
        turn = {piece["id"]: number for number, piece in enumerate(pieces)}
        told = []
        for number, rater in enumerate(("ann", "ben", "cleo")):
            for _ in range(4):
                piece = server.get(f"/raters/{rater}").json["next"]["piece"]
                values = values_of(plan, turn[piece], number)
                assert rate(server, rater, piece, values=values).status == 201
            told.append(server.get("/ratings").json["agreement"])
    assert told[0] == []
    assert [{row["raters"] for row in rows if row["measure"] == "ICC(1)"} for rows in told[1:]] == [
        {2},
        {3},
    ]


@pytest.mark.parametrize("kind", ["plane", "sliders", "moods"])
def test_an_export_is_a_dataset_with_the_same_agreement(
    kind: str, state: Path, music: Library, tmp_path: Path
) -> None:
    plan = study(name=f"s-{kind}", input=kind, count=8)
    with running(settings(state), snapshot(music.catalog.folder), study=plan) as server:
        for number, rater in enumerate(("ann", "Ben 2", "zo\xeb")):
            name = rater.replace(" ", "%20").replace("\xeb", "%C3%AB")
            for turn in range(6 + number):
                piece = server.get(f"/raters/{name}").json["next"]["piece"]
                given = (
                    {"skipped": "other"}
                    if turn == 5
                    else {"values": values_of(plan, int(piece), number)}
                )
                assert rate(server, name, piece, **given).status == 201
        found = server.get("/ratings").json
        folder = unpacked(server, tmp_path / "out")
    dataset = datasets.check("own", folder)
    assert dataset.problems == ()
    told = reliability.table(dataset.tracks)
    assert told == found["agreement"]
    assert {row["measure"] for row in told} >= {"ICC(1)", "ICC(1,k)", "split-half"}
    assert {row["label"] for row in told} == {*plan.asked, "all ratings"}
    assert found["pieces"] == len(dataset.tracks)
    trials = list(csv.DictReader((folder / "trials.csv").read_text("utf-8").splitlines()))
    assert len(trials) == 6 + 7 + 8
    assert [row["turn"] for row in trials if row["rater"] == "ann"] == list("123456")
    assert sum(row["skipped"] == "other" for row in trials) == 3
    result = CliRunner().invoke(app, ["datasets", "check", "own", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["reliability"] == told


def test_continuous_ratings_are_curves_and_means(
    state: Path, music: Library, tmp_path: Path
) -> None:
    plan = study(name="over-time", when="continuous", count=4, practice=False)
    with running(settings(state), snapshot(music.catalog.folder), study=plan) as server:
        for shift, rater in enumerate(("ann", "ben")):
            for turn in range(4):
                piece = server.get(f"/raters/{rater}").json["next"]["piece"]
                level = int(piece) / 300
                moments = [[k / 2, level - 0.1 * shift, (-1) ** k / 2] for k in range(14 + turn)]
                assert rate(server, rater, piece, moments=moments).status == 201
        following = server.get("/raters/cleo").json["next"]
        piece, late = following["piece"], [[0, 0, 0], [following["duration"] + 3, 0, 0]]
        bad: list[dict[str, Any]] = [
            {"moments": late}, {"moments": [[1, 0, 0], [1, 0, 0]]}, {"moments": []},
            {"values": PLANE}, {"moments": [[0, 0, 1.5]]},
        ]  # fmt: skip
        for given in bad:
            assert rate(server, "cleo", piece, **given).status == 422
        found = server.get("/ratings").json
        folder = unpacked(server, tmp_path / "out")
    dataset = datasets.load("own", folder)
    assert reliability.table(dataset.tracks) == found["agreement"]
    (over_time,) = [row for row in found["agreement"] if row["measure"] == "over time"]
    assert (over_time["label"], over_time["value"], over_time["n"]) == ("arousal", 1, 4)
    track = dataset.tracks[0]
    assert track.curve is not None
    assert track.curve.times[:3].tolist() == [0, 0.5, 1]
    assert track.curve.valence_by_rater.shape[0] == 2
    assert track.by_rater["ann"]["valence"] == pytest.approx(int(track.id) / 300, abs=1e-6)


def test_audio_is_in_the_export_as_far_as_it_is_there(tmp_path: Path) -> None:
    plan = study(input="sliders", labels=["joy"], scale="1..5")
    file = tmp_path / "a b.OGG"
    file.write_bytes(bytes(range(256)) * 9000)  # more than two parts
    given = [rating("ann", one, values={"joy": 2}) for one in ("one", "gone")]
    given.append(rating("ann", "skipped", skipped="known"))
    sound = rating_export.audio_of(given, {"one": file, "skipped": file}.get)
    assert sound == [("audio/one.ogg", file)]
    facts = {"one": {"name": "x/=cmd.ogg", "artist": "+ann", "title": None}}
    files = rating_export.tables(plan, given, facts)
    data = b"".join(rating_export.archive(files, sound))
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.testzip() is None
        assert packed.read("audio/one.ogg") == file.read_bytes()
        table = packed.read("annotations.csv").decode()
    assert "one,ann,2,x/=cmd.ogg,'+ann,," in table
    assert "skipped,ann" not in table


# --- the command line, and the guide


def test_the_guide_does_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its study, its table of keys and its commands, with the shipped model."""
    text = (ROOT / "docs" / "rate.md").read_text("utf-8")
    kinds = BLOCK.findall(text)
    (toml,) = (content for kind, content in kinds if kind == "toml")
    (console,) = (content for kind, content in kinds if kind == "console")
    named = {
        name
        for row in re.findall(r"^\| (`.*?) \|", text, re.M)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert named == set(Study.model_fields)
    shutil.copytree(ROOT / "examples" / "audio", tmp_path / "music")
    (tmp_path / "study.toml").write_text(toml)
    monkeypatch.chdir(tmp_path)
    shell = [line for kind, content in kinds if kind == "sh" for line in content.splitlines()]
    index, serve = shell[0], next(line for line in shell if "--study" in line)
    assert CliRunner().invoke(app, [*shlex.split(index)[1:], "--quiet"]).exit_code == 0
    command = [*shlex.split(serve)[1:], "--port", "0", "--state", "state"]
    with subprocess.Popen(
        [sys.executable, "-m", "hevner", *command], stderr=subprocess.PIPE, text=True
    ) as started:
        assert started.stderr is not None
        try:
            line = started.stderr.readline()
            address = Address(int(line.split()[2].rstrip("/").rpartition(":")[2]))
            assert address.get("/study").json["title"] == "Music for the evening"
            for number, rater in enumerate(("ann", "ben", "cleo")):
                for turn in range(4):
                    values = {"valence": 2 + turn, "arousal": 9 - turn, "tension": 1 + number}
                    rate_all(address, rater, 1, values=values)
            unpacked(address, tmp_path / "evening")
            query = urlsplit(next(line for line in shell if "curl" in line).split("'")[1])
            small = address.get(f"{query.path}?{query.query}", api="").body
            assert len(small) < 10_000 < sum(p.stat().st_size for p in Path("evening").rglob("*"))
        finally:
            started.kill()
    run_console(console)
    train = next(line for line in shell if "hevner train" in line)
    result = CliRunner().invoke(app, shlex.split(train)[1:])
    assert "4 labels of 4 groups are too few" in result.output  # more would take minutes


def test_serve_refuses_a_study_that_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text('pieces = ["nothing.mp3"]')
    words = ["serve", "--study", str(tmp_path / "study.toml"), "--state", str(tmp_path / "state")]
    result = refused(*words)
    assert result.exit_code == 2
    assert "it needs a catalogue" in result.output


def test_a_piece_that_the_catalogue_lacks_is_named(music: Library, tmp_path: Path) -> None:
    from hevner.cli.serve import _study

    (tmp_path / "study.toml").write_text('pieces = ["nothing.mp3", "0/it\'s 0.mp3"]')
    with raises(DataError, "unknown_piece", subject=str(tmp_path / "study.toml")) as caught:
        _study(tmp_path / "study.toml", snapshot(music.catalog.folder))
    assert "nothing.mp3" in caught.value.cause
