"""Encoding pieces of a catalogue for searches by text."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import random
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hevner.audio.decode import open_audio
from hevner.catalog import columns, encoding, header, tables, writer
from hevner.catalog.catalog import Catalog
from hevner.catalog.encoding import Encoded
from hevner.catalog.index_options import Summary
from hevner.catalog.writer import create
from hevner.errors import CatalogError, MissingDependencyError, ModelError
from hevner.result import Failure
from tests.catalog.made_up import SPACE, run, song, state
from tests.catalog.text_encoder import (
    BANDS,
    NAME,
    RATE,
    Bands,
    Tones,
    encode_folder,
    tone,
    vectors,
    version,
)
from tests.errors import raises

CONNECT = socket.socket.connect


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder of three tones."""
    for band in (2, 5, 9):
        tone(tmp_path / "music" / f"{band}.wav", band)
    return tmp_path / "music"


@pytest.fixture
def catalog(tmp_path: Path, music: Path) -> Catalog:
    """A catalogue of them that is not encoded."""
    catalog = create(tmp_path / "catalog", SPACE)
    run(music, catalog, Tones())
    return catalog


def test_what_is_missing_is_encoded_and_nothing_is_analysed_again(
    music: Path, catalog: Catalog
) -> None:
    rows = sorted(catalog.listing(catalog.pieces.schema.names), key=lambda row: row["path"])
    before = state(catalog.folder)
    assert encode_folder(music, catalog) == Encoded(done=3)
    assert state(catalog.folder) == before
    reopened = Catalog(catalog.folder, SPACE)
    assert (reopened.header.encoder, reopened.header.encoder_version) == (
        NAME,
        Bands().card.version,
    )
    found = {row["path"]: row for row in reopened.listing(reopened.pieces.schema.names)}
    for row in rows:
        encoded = found[row["path"]].pop("encoded")
        assert found[row["path"]] == row
        assert int(np.argmax(encoded)) == int(Path(row["name"]).stem)
        assert np.linalg.norm(encoded) == pytest.approx(1, abs=1e-3)
    encoder = Bands()
    assert encode_folder(music, catalog, encoder) == Encoded()
    assert encoder.asked == 0


@pytest.mark.parametrize("seconds", [0.11, 0.7, 1.0, 3.4, 3.6, 21.0])
def test_the_vector_is_the_mean_over_windows_of_length_1(
    seconds: float, catalog: Catalog, music: Path
) -> None:
    path = tone(music / "long.wav", 4, seconds)
    run(music, catalog, Tones())
    encode_folder(music, catalog)
    (samples,) = [np.concatenate(list(open_audio(path, RATE).blocks))]
    starts = [RATE * n for n in range(max(1, len(samples) // RATE))]
    if len(samples) > RATE and 2 * (len(samples) % RATE) >= RATE:
        starts.append(len(samples) - RATE)
    mean = sum(Bands().encode(samples[None, at : at + RATE])[0] for at in starts)
    np.testing.assert_allclose(vectors(catalog)["long.wav"], mean / np.linalg.norm(mean), atol=1e-3)


def test_new_changed_moved_and_copied_files_keep_up(music: Path, catalog: Catalog) -> None:
    encode_folder(music, catalog)
    tone(music / "new.wav", 7)
    tone(music / "9.wav", 10)
    (music / "2.wav").rename(music / "moved.wav")
    (music / "copy.wav").write_bytes((music / "5.wav").read_bytes())
    run(music, catalog, Tones())
    found = vectors(catalog)
    assert [name for name in sorted(found) if found[name] is None] == ["9.wav", "new.wav"]
    assert found["copy.wav"] == found["5.wav"]
    assert int(np.argmax(found["moved.wav"])) == 2
    encoder = Bands()
    assert encode_folder(music, catalog, encoder) == Encoded(done=2)
    assert encoder.asked == 2
    assert {n: int(np.argmax(v)) for n, v in vectors(catalog).items()} == {
        "5.wav": 5, "9.wav": 10, "copy.wav": 5, "moved.wav": 2, "new.wav": 7,
    }  # fmt: skip


def test_files_of_one_content_are_encoded_once(music: Path, catalog: Catalog) -> None:
    (music / "below").mkdir()
    (music / "below" / "copy.wav").write_bytes((music / "5.wav").read_bytes())
    run(music, catalog, Tones())
    encoder = Bands()
    assert encode_folder(music, catalog, encoder, jobs=3) == Encoded(done=3)
    assert encoder.asked == 3
    found = vectors(catalog)
    assert found["below/copy.wav"] == found["5.wav"] is not None


def test_silent_and_failed_pieces_are_not_encoded(tmp_path: Path) -> None:
    song(tmp_path / "music" / "silent.mp3", "silence")
    song(tmp_path / "music" / "noise.mp3", "noise")
    catalog = create(tmp_path / "catalog", SPACE)
    run(tmp_path / "music", catalog)
    assert encode_folder(tmp_path / "music", catalog) == Encoded()
    assert set(vectors(catalog).values()) == {None}


def test_a_file_that_cannot_be_encoded_costs_itself_alone(
    music: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    tone(music / "5.wav", 6)
    reported: list[Failure | None] = []
    assert encode_folder(music, catalog, report=lambda _file, why: reported.append(why)) == Encoded(
        2, 1
    )
    (failure,) = filter(None, reported)
    assert len(reported) == 3
    assert (failure.path, failure.cause, failure.remedy) == (
        str(music / "5.wav"),
        "it has changed since it was analysed",
        "Run the same command again",
    )
    assert vectors(catalog)["5.wav"] is None
    run(music, catalog, Tones())
    with monkeypatch.context() as patch:
        patch.setattr(encoding, "open_audio", lambda *_: open_audio(music / "nowhere.wav"))
        assert encode_folder(music, catalog) == Encoded(failed=1)
    assert encode_folder(music, catalog) == Encoded(done=1)
    assert int(np.argmax(vectors(catalog)["5.wav"])) == 6


@pytest.mark.parametrize("error", [ModelError, MissingDependencyError])
def test_an_encoder_that_cannot_be_used_stops_the_run(
    error: type[Exception], music: Path, catalog: Catalog
) -> None:
    def refuse() -> None:
        raise error("there is no torch")

    with pytest.raises(error):
        encode_folder(music, catalog, Bands(meanwhile=refuse), jobs=2)
    assert encode_folder(music, catalog) == Encoded(done=3)


def test_an_encoder_that_makes_nothing_of_texts_is_refused_before_it_encodes(
    music: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_sentences: list[str]) -> None:
        raise ModelError("all texts are the same to it")

    encoder = Bands()
    monkeypatch.setattr(encoder, "text", refuse)
    with pytest.raises(ModelError, match="all texts are the same"):
        encode_folder(music, catalog, encoder)
    assert encoder.asked == 0
    assert Catalog(catalog.folder, SPACE).header.encoder == ""


def test_the_encoder_runs_in_one_thread_at_a_time(music: Path, catalog: Catalog) -> None:
    inside: list[int] = []

    def meanwhile() -> None:
        inside.append(1)
        assert sum(inside) == 1
        time.sleep(0.01)
        inside.append(-1)

    assert encode_folder(music, catalog, Bands(meanwhile=meanwhile), jobs=3) == Encoded(done=3)
    assert len(inside) == 6


def test_when_it_is_stopped_vectors_are_written(music: Path, catalog: Catalog) -> None:
    for number in range(12):
        tone(music / f"more {number}.wav", number, 1 + number / 100)
    run(music, catalog, Tones())
    stop = threading.Event()
    done = encode_folder(music, catalog, Bands(meanwhile=stop.set), stop=stop).done
    assert 1 <= done < 15
    assert sum(vector is not None for vector in vectors(catalog).values()) == done
    assert encode_folder(music, catalog) == Encoded(done=15 - done)


def test_vectors_are_written_from_time_to_time(
    music: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "SECONDS_AT_ONCE", 0)
    sizes = []
    put = writer.Writer.put_encoded
    monkeypatch.setattr(
        writer.Writer, "put_encoded", lambda self, some: (sizes.append(len(some)), put(self, some))
    )
    encode_folder(music, catalog)
    assert sizes == [1, 1, 1, 0]


@pytest.mark.parametrize("version_", ["1-ba9876543210", "2-0123456789ab"])
def test_another_encoder_is_refused_with_the_command(
    version_: str, music: Path, catalog: Catalog
) -> None:
    encode_folder(music, catalog)
    before = vectors(catalog)
    with raises(CatalogError, "other_encoder") as caught:
        encode_folder(music, catalog, Bands(version(version_)))
    command = f"index {music} --into {catalog.folder} --encoder {NAME} --rebuild"
    assert caught.value.remedy.endswith(command)
    assert vectors(catalog) == before


def test_another_precision_is_the_same_encoder(music: Path, catalog: Catalog) -> None:
    encode_folder(music, catalog)
    tone(music / "new.wav", 7)
    run(music, catalog, Tones())
    assert encode_folder(music, catalog, Bands(version("1-0123456789ab-bfloat16"))) == Encoded(
        done=1
    )
    assert Catalog(catalog.folder, SPACE).header.encoder_version == "1-0123456789ab"


def test_a_header_of_before_there_were_encoders_is_read(music: Path, catalog: Catalog) -> None:
    path = catalog.folder / header.NAME
    record = json.loads(path.read_text())
    del record["encoder"], record["encoder_version"], record["checksum"]
    path.write_text(json.dumps(record))
    assert Catalog(catalog.folder, SPACE).header.encoder == ""
    assert run(music, Catalog(catalog.folder, SPACE), Tones()) == Summary(unchanged=3)
    assert encode_folder(music, Catalog(catalog.folder, SPACE)) == Encoded(done=3)


def test_a_catalogue_opened_before_learns_of_the_encoder(music: Path, catalog: Catalog) -> None:
    opened = Catalog(catalog.folder, SPACE)
    encode_folder(music, catalog)
    tone(music / "new.wav", 7)
    assert run(music, opened, Tones()).added == 1
    assert Catalog(catalog.folder, SPACE).header.encoder == NAME
    assert len(vectors(catalog)["2.wav"] or []) == BANDS


@pytest.mark.parametrize("step", ["header", "column", "vectors"])
def test_cut_off_after_any_step_the_next_run_goes_on(
    step: str, music: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def cut(*_arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if step == "header":
            patch.setattr(tables.Table, "add_encoded", cut)
        elif step == "column":
            patch.setattr(tables.Table, "put_encoded", cut)
        else:
            patch.setattr(Path, "unlink", cut)
        with pytest.raises(Killed):
            encode_folder(music, catalog)
    before = state(catalog.folder)
    assert run(music, Catalog(catalog.folder, SPACE), Tones()) == Summary(unchanged=3)
    left = 0 if step == "vectors" else 3
    assert encode_folder(music, Catalog(catalog.folder, SPACE)) == Encoded(done=left)
    assert state(catalog.folder) == before
    assert None not in vectors(catalog).values()


@pytest.fixture(autouse=True)
def usual_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that `encode_slowly` changes are usual ones again after each test."""
    monkeypatch.setattr(encoding, "SECONDS_AT_ONCE", encoding.SECONDS_AT_ONCE)
    monkeypatch.setattr(writer, "TIDY_AFTER", writer.TIDY_AFTER)


def encode_slowly(folder: Path) -> None:
    """Encode ``folder/music`` in small steps."""
    encoding.SECONDS_AT_ONCE = 0.01
    writer.TIDY_AFTER = 3
    encoder = Bands(meanwhile=lambda: time.sleep(0.005))
    encode_folder(folder / "music", Catalog(folder / "catalog", SPACE), encoder, jobs=2)


def test_killed_at_any_point_nothing_is_lost_and_the_next_run_goes_on(
    tmp_path: Path, music: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", CONNECT)
    for number in range(20):
        tone(music / f"more {number}.wav", number % BANDS, 1 + number / 50)
    run(music, catalog, Tones())
    before = state(catalog.folder)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.catalog.text_encoder"])
    chance, kept, finished = random.Random(3), 0, 0
    for _ in range(6):
        process = context.Process(target=encode_slowly, args=(tmp_path,))
        process.start()
        process.join(chance.uniform(0.1, 0.5))
        finished += process.exitcode is not None
        process.kill()
        process.join()
        assert state(catalog.folder) == before
        if Catalog(catalog.folder, SPACE).header.encoder:
            catalog.refresh()
        if columns.ENCODED in catalog.pieces.schema.names:
            now = sum(vector is not None for vector in vectors(catalog).values())
            assert now >= kept
            kept = now
    assert finished < 6
    encode_slowly(tmp_path)
    assert None not in vectors(catalog).values()
    assert state(catalog.folder) == before


# --- in a cluster ---


class Machine:
    """What a cluster does for the items that it is given, one after another in this process."""

    def each(
        self,
        work: Callable[[Any], Any],
        items: Iterable[Any],
        _lost: object,
        _stop: object,
        large: bool,
    ) -> Iterator[Any]:
        assert large
        for item in items:
            yield pickle.loads(pickle.dumps(work))(pickle.loads(pickle.dumps(item)))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setattr(encoding, "text_encoder", lambda name: {NAME: Bands()}[name])
    yield Machine()
    encoding._file_encoder.cache_clear()


def test_a_cluster_gives_the_same_vectors(
    music: Path, catalog: Catalog, tmp_path: Path, machine: Machine
) -> None:
    other = create(tmp_path / "other", SPACE)
    run(music, other, Tones())
    assert encode_folder(music, catalog) == encode_folder(music, other, cluster=machine)
    assert vectors(catalog) == vectors(other)


def test_other_weights_on_a_machine_are_refused(
    music: Path, catalog: Catalog, machine: Machine
) -> None:
    encoder = Bands(version("2-ffffffffffff"))
    with raises(ModelError, "other_encoder"):
        encode_folder(music, catalog, encoder, cluster=machine)
