"""Places in an object store, with the methods of a path that catalogues and their readers use.

Conventions
-----------
``s3://BUCKET/KEY``, in Amazon S3 or any store that understands its protocol. Credentials, region
and address come from the environment alone: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
``AWS_SESSION_TOKEN``, ``AWS_REGION`` and ``AWS_ENDPOINT_URL``, or from the machine's role. A store
has no folders: a place is one if there is anything below it. Whatever a store refuses is an
`OSError`, as of a file system; it is asked again for three minutes where it fails for a while.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from hevner import extras
from hevner.errors import HevnerError

SCHEME = "s3://"

ADDRESS = r"[a-z][a-z0-9+.-]+:/"
"""Beginning of an address of any kind; a path of this machine loses one of its slashes."""

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
"""Variables with the address of a store."""

AT_ONCE = 2**25
"""Bytes that are asked for at a time, so that no request lasts long."""

LANCE_OPTIONS = {"allow_http": "true"}
"""What LanceDB needs to reach the same stores; plain HTTP only where the address says so."""


RETRIES: Any = {}
"""How often the store is asked again, if not as the library does by itself."""


class ChangedError(OSError):
    """An object is not as the writer knew it: another process was first."""


@dataclass(frozen=True)
class StoredObject:
    """An object in a store, with what the status of a file has.

    Attributes
    ----------
    path
        Its place.
    tag
        The store's tag of its content; another one whenever that is another.
    st_size
        Bytes.
    st_mtime_ns
        Time of its writing in nanoseconds since 1970.
    """

    path: ObjectPath
    tag: str
    st_size: int
    st_mtime_ns: int

    @property
    def st_ctime_ns(self) -> int:
        """A number for the tag, as no program can set it either."""
        return int.from_bytes(hashlib.blake2b(self.tag.encode(), digest_size=7).digest())


@dataclass(frozen=True, order=True)
class ObjectPath:
    """A place in an object store.

    The methods with names of those of `pathlib.Path` do and raise the same.

    Attributes
    ----------
    uri
        Its address, ``s3://BUCKET/KEY``, without a slash at the end.
    """

    uri: str

    def __post_init__(self) -> None:
        uri = self.uri.rstrip("/")
        bucket = uri.removeprefix(SCHEME).partition("/")[0]
        if not uri.startswith(SCHEME) or not bucket:
            raise HevnerError(
                f"{self.uri!r} is no address in an object store",
                remedy="Write it as s3://BUCKET/FOLDER",
                code="bad_address",
            )
        object.__setattr__(self, "uri", uri)

    def __str__(self) -> str:
        return self.uri

    def __truediv__(self, name: str) -> ObjectPath:
        return ObjectPath(f"{self.uri}/{name}") if name else self

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.uri.removeprefix(SCHEME).partition("/")[0]

    @property
    def key(self) -> str:
        """The address inside the bucket."""
        return self.uri.removeprefix(SCHEME).partition("/")[2]

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.uri.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """Ending of the name, with its point."""
        return Path(self.name).suffix

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return Path(self.name).stem

    @property
    def parent(self) -> ObjectPath:
        """The place above."""
        return ObjectPath(self.uri.rpartition("/")[0])

    def with_name(self, name: str) -> ObjectPath:
        """The place of another name beside it."""
        return self.parent / name

    def absolute(self) -> ObjectPath:
        """The place itself."""
        return self

    # --- objects ---

    def read_bytes(self) -> bytes:
        """The content of the object."""
        return self.read()[0]

    def read(self) -> tuple[bytes, str]:
        """The content of the object and its tag, for `write`."""
        with _errors(self) as obstore:
            found = obstore.get(self._store(), self.key)
            return found.bytes().to_bytes(), str(found.meta["e_tag"])

    def range(self, start: int, end: int) -> bytes:
        """The bytes of the object from one to before another."""
        with _errors(self) as obstore:
            found: bytes = obstore.get_range(
                self._store(), self.key, start=start, end=end
            ).to_bytes()
            return found

    def stat(self) -> StoredObject:
        """Size, time and tag of the object."""
        with _errors(self) as obstore:
            return self._object(obstore.head(self._store(), self.key))

    def download(self, target: Path) -> StoredObject:
        """Copy the object to a file, which is not there whole before this returns."""
        found = self.stat()
        with target.open("wb") as file:
            for start in range(0, found.st_size, AT_ONCE):
                file.write(self.range(start, min(start + AT_ONCE, found.st_size)))
        return found

    @contextmanager
    def copied(self) -> Iterator[Path]:
        """A copy of the object in a temporary file of the same ending."""
        with TemporaryDirectory(prefix="hevner-") as folder:
            copy = Path(folder) / f"object{self.suffix}"
            self.download(copy)
            yield copy

    def write(self, data: bytes | Path, tag: str | None = None) -> None:
        """Write the object in one step, from bytes or a file.

        Parameters
        ----------
        tag
            The tag that it must have: it is only written if it is as it was read; an empty one if
            there must be none; None to write in any case.

        Raises
        ------
        ChangedError
            If it has another tag.
        """
        mode: Any = "create" if tag == "" else "overwrite" if tag is None else {"e_tag": tag}
        with _errors(self) as obstore:
            obstore.put(self._store(), self.key, data, mode=mode)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object."""
        with _errors(self) as obstore:
            obstore.delete(self._store(), [self.key])

    def exists(self) -> bool:
        """Whether there is an object of this address."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_file(self) -> bool:
        """Whether there is an object of this address."""
        return self.exists()

    # --- folders ---

    def is_dir(self) -> bool:
        """Whether there is anything below."""
        return next(self.objects(), None) is not None

    def objects(self) -> Iterator[StoredObject]:
        """All objects below, in the order of their addresses."""
        with _errors(self) as obstore:
            for some in obstore.list(self._store(), self.key or None):
                yield from map(self._object, some)

    def iterdir(self) -> Iterator[ObjectPath]:
        """The objects and folders just below."""
        with _errors(self) as obstore:
            found = obstore.list_with_delimiter(self._store(), self.key or None)
        for key in (*found["common_prefixes"], *(one["path"] for one in found["objects"])):
            yield self._at(key)

    def glob(self, pattern: str) -> Iterator[ObjectPath]:
        """What matches a pattern: objects and folders just below, or objects deeper down."""
        deep = "/" in pattern
        places = (found.path for found in self.objects()) if deep else self.iterdir()
        begin = len(self.uri) + 1
        return (place for place in places if fnmatch(place.uri[begin:], pattern))

    def remove_all(self) -> None:
        """Remove all objects below."""
        keys = [found.path.key for found in self.objects()]
        with _errors(self) as obstore:
            obstore.delete(self._store(), keys)

    def _at(self, key: str) -> ObjectPath:
        return ObjectPath(f"{SCHEME}{self.bucket}/{key}")

    def _object(self, meta: Any) -> StoredObject:
        modified = int(meta["last_modified"].timestamp() * 1e9)
        return StoredObject(self._at(meta["path"]), meta["e_tag"] or "", meta["size"], modified)

    def _store(self) -> Any:
        return _store(self.bucket)


Location = Path | ObjectPath
"""A path of this machine, or a place in an object store."""


def location(text: str | Location) -> Location:
    """What an argument names: ``s3://...``, or a path of this machine.

    Raises
    ------
    HevnerError
        If it is an address of another kind.
    """
    if not isinstance(text, str):
        return text
    return ObjectPath(text) if re.match(ADDRESS, text) else Path(text)


@lru_cache
def _store(bucket: str) -> Any:
    with extras.required("an object store", "s3"):
        from obstore.store import S3Store
    for name in ENDPOINTS:
        # The library panics at what is none. An address may have a password, so it is not shown.
        if not _is_endpoint(os.environ.get(name, "http://default")):
            remedy = "Write it as http://HOST:PORT or https://HOST, or unset the variable"
            cause = f"the environment variable {name} holds no address of a store"
            raise HevnerError(cause, subject=f"{SCHEME}{bucket}", remedy=remedy, code="bad_address")
    options: Any = {"allow_http": True, "timeout": "120s"}
    return S3Store(bucket, client_options=options, retry_config=RETRIES or None)


def _is_endpoint(address: str) -> bool:
    try:
        parts = urlsplit(address)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return fit and re.fullmatch(r"[!-~]+", address) is not None


@contextmanager
def _errors(path: ObjectPath) -> Iterator[Any]:
    """Give the library, and make errors of the system of its errors."""
    with extras.required("an object store", "s3"):
        import obstore
        from obstore import exceptions
    try:
        yield obstore
    except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
        raise ChangedError(errno.EEXIST, "another process has written it", str(path)) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        cause = "the store refuses these credentials"
        raise PermissionError(errno.EACCES, cause, str(path)) from error
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "there is no such object", str(path)) from error
    except exceptions.BaseError as error:
        raise OSError(errno.EIO, reason(str(error)), str(path)) from error


def reason(text: str) -> str:
    """What an error of the library or of LanceDB says about the store, as a clause."""
    status = re.search(r"status code: ([\w ]+)", text)
    code = re.search(r"<Code>(\w+)</Code>", text)
    if status is None:
        return "the store does not answer"
    return f"the store answers {status[1]}{f' ({code[1]})' if code else ''}"
