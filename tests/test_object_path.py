"""Places in an object store behave as paths do, against a real store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("obstore", reason="needs the extra s3")

from hevner import object_path
from hevner.errors import HevnerError
from hevner.object_path import ChangedError, ObjectPath, location
from tests.errors import raises
from tests.object_store import ObjectStore

NAMES = ("a.mp3", "it's #1 100% & more?.mp3", "Ünïcödé/日本 語.flac", "b+c/d=e.wav")


@pytest.fixture
def bucket(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectPath:
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return ObjectPath(f"s3://{object_store.bucket()}")


def test_addresses_are_taken_apart() -> None:
    path = ObjectPath("s3://bucket/music/a.b.mp3/")
    assert (path.bucket, path.key) == ("bucket", "music/a.b.mp3")
    assert (path.name, path.stem, path.suffix) == ("a.b.mp3", "a.b", ".mp3")
    assert path.parent == ObjectPath("s3://bucket") / "music"
    assert path.with_name("c") == ObjectPath("s3://bucket/music/c")
    assert path / "" == path
    assert location("s3://bucket") == ObjectPath("s3://bucket")
    assert location("music/s3:") == Path("music/s3:")
    for wrong in ("s3://", "s3:///key", "gs://bucket"):
        with raises(HevnerError, "bad_address"):
            ObjectPath(wrong)
        with raises(HevnerError, "bad_address"):
            location(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read(bucket: ObjectPath, name: str, tmp_path: Path) -> None:
    path = bucket / "music" / name
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        path.read_bytes()
    path.write(b"0123456789")
    assert path.read_bytes() == b"0123456789"
    assert path.range(2, 5) == b"234"
    found = next((bucket / "music").objects())
    assert found == path.stat()
    assert (found.path, found.st_size) == (path, 10)
    path.download(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"0123456789"
    with path.copied() as copy:
        assert copy.suffix == path.suffix
        assert copy.read_bytes() == b"0123456789"
    assert not copy.exists()
    (tmp_path / "other").write_bytes(b"other")
    path.write(tmp_path / "other")
    assert path.stat().st_ctime_ns != found.st_ctime_ns
    path.unlink()
    path.unlink(missing_ok=True)
    assert not path.exists()


def test_large_objects_are_copied_in_parts(
    bucket: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_path, "AT_ONCE", 7)
    (bucket / "a").write(bytes(range(100)))
    (bucket / "a").download(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == bytes(range(100))


def test_folders_are_what_is_below(bucket: ObjectPath) -> None:
    for name in ("x/1.txt", "x/y/2.txt", "x/y/3.mp3", "xy/4.txt"):
        (bucket / name).write(b"")
    folder = bucket / "x"
    assert [one.path for one in folder.objects()] == [
        folder / "1.txt", folder / "y/2.txt", folder / "y/3.mp3",
    ]  # fmt: skip
    assert {*folder.iterdir()} == {folder / "1.txt", folder / "y"}
    assert [*folder.glob("*.txt")] == [folder / "1.txt"]
    assert [*folder.glob("*/*.txt")] == [folder / "y/2.txt"]
    assert folder.is_dir()
    assert not (folder / "1.txt").is_dir()
    folder.remove_all()
    assert not folder.is_dir()
    assert [one.path.name for one in bucket.objects()] == ["4.txt"]


def test_one_writer_is_first(bucket: ObjectPath) -> None:
    path = bucket / "counter"

    def count(_number: int) -> None:
        for _ in range(3):
            while True:
                try:
                    try:
                        content, tag = path.read()
                    except FileNotFoundError:
                        content, tag = b"0", ""
                    path.write(b"%d" % (int(content) + 1), tag)
                    break
                except ChangedError:
                    pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    assert path.read_bytes() == b"12"


def test_wrong_credentials_are_named(bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    object_path._store.cache_clear()
    with pytest.raises(PermissionError, match="credentials"):
        (bucket / "a").read_bytes()
    object_path._store.cache_clear()


@pytest.mark.parametrize(
    "address", ["", "nonsense", "localhost:9000", "http://", "http://127.0.0.1:99999", " http://x"]
)
def test_an_address_that_is_none_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    with raises(HevnerError, "bad_address", subject="s3://no-such-bucket") as caught:
        ObjectPath("s3://no-such-bucket/catalogue").read()
    assert "AWS_ENDPOINT_URL" in caught.value.cause
