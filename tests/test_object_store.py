"""The server of object storage that other tests use does what they build upon."""

from __future__ import annotations

import pytest

from tests.object_store import ObjectStore

fs = pytest.importorskip("pyarrow.fs")


def test_it_is_found_by_the_environment(
    object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    bucket = object_store.bucket()
    object_store.put(f"{bucket}/a/b.txt", b"content")
    files, path = fs.FileSystem.from_uri(f"s3://{bucket}/a/b.txt")
    with files.open_input_stream(path) as file:
        assert file.read() == b"content"
    assert files.get_file_info(path).mtime_ns
