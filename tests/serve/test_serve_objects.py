"""Servers of a catalogue in an object store: several at once, its newest version, its audio."""

from __future__ import annotations

import pytest

pytest.importorskip("obstore", reason="needs the extra s3")

from dataclasses import asdict
from pathlib import Path

from hevner.catalog.file_identity import Stamp
from hevner.catalog.writer import create, writing
from hevner.files import file_named
from hevner.object_path import ObjectPath
from hevner.serve.catalog_snapshot import CatalogSnapshot
from tests.catalog import made_up
from tests.object_store import ObjectStore
from tests.serve.servers import running, settings, wait_for

SOUND = bytes(range(200))

RANGES = {
    "": (200, 0, 200),
    "bytes=0-": (206, 0, 200),
    "bytes=10-19": (206, 10, 20),
    "bytes=190-500": (206, 190, 200),
    "bytes=-5": (206, 195, 200),
    "bytes=-500": (206, 0, 200),
    "bytes=5-3": (416, 0, 0),
    "bytes=200-": (416, 0, 0),
    "furlongs=1-2": (200, 0, 200),
}
"""Status, begin and end of what is sent, by what is asked for."""


def test_two_servers_share_one(
    object_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hevner.serve.app.LOOK_S", 0.05)
    monkeypatch.setattr("hevner.serve.media.PART", 7)
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    bucket = ObjectPath(f"s3://{object_store.bucket()}")
    audio = bucket / "music" / "a song.mp3"
    audio.write(SOUND)
    emotion = {"valence": 0.1, "arousal": 0.2}
    rows = [made_up.piece(number, **emotion) for number in range(3)]
    catalog = create(bucket / "catalogue", made_up.SPACE)
    opened = [CatalogSnapshot(bucket / "catalogue", made_up.SPACE) for _ in range(2)]
    assert opened[0].newest() is opened[0]
    with (
        running(settings(tmp_path / "one"), opened[0]) as one,
        running(settings(tmp_path / "two"), opened[1]) as two,
    ):
        with writing(catalog) as writer:
            known = {"path": str(audio), **asdict(Stamp.of(audio))}
            writer.put([rows[0] | known, *rows[1:]], [])
            writer.tidy()
        for server in (one, two):
            wait_for(lambda server=server: server.get("/catalog/pieces").json["total"] == 3)
            hits = server.post("/catalog/search", {"words": ["calm"]}).json["hits"]
            assert len(hits) == 3
        path = f"/catalog/pieces/{rows[0]['id']}/audio"
        for asked, (status, begin, end) in RANGES.items():
            answer = one.get(path, headers={"Range": asked} if asked else {})
            assert (answer.status, answer.body) == (status, SOUND[begin:end]), asked
            if status == 206:
                assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/200"
        assert answer.headers["content-type"] == "audio/mpeg"
        audio.write(SOUND[::-1])
        assert one.get(path).kind == "changed"
        assert one.post("/catalog/search", {"like": rows[0]["id"]}).kind == "changed"
        file_named(str(audio)).unlink()
        assert one.get(path).kind == "gone"
