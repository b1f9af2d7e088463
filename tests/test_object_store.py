"""The server of object storage that other tests use does what they build upon."""

from __future__ import annotations

import pytest

from hevner.object_path import ChangedError, ObjectPath
from tests.object_store import ObjectStore
from tests.store_proxy import StoreProxy

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


@pytest.mark.usefixtures("loopback")
def test_the_proxy_passes_requests_on_and_lets_some_fail(
    object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore")
    proxy = StoreProxy(object_store)
    for name, value in proxy.environment.items():
        monkeypatch.setenv(name, value)
    seen, failing = [], [500, 500]

    def before(method: str, path: str) -> int:
        seen.append(method)
        return failing.pop() if failing else 0

    proxy.before = before
    here = ObjectPath(f"s3://{object_store.bucket()}/a b.txt")
    here.write(b"content", tag="")
    assert here.read_bytes() == b"content"
    assert here.exists()
    with pytest.raises(ChangedError):
        here.write(b"other", tag="")
    assert seen == ["PUT", "PUT", "PUT", "GET", "HEAD", "PUT"]
    proxy.close()
