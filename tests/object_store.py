"""A server of object storage on this machine, for tests: SeaweedFS, from its package."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from pyarrow import fs

READY_S = 90.0
"""Seconds in which the server must be up; it takes four, on a busy machine some more."""

TRIES = 3
"""How often a server is started before it is given up."""

VOLUMES = "400"
"""Each bucket takes seven at once."""

PORTS = tuple(
    f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")
)


def program() -> str | None:
    """Path of the server's program, if its package is installed."""
    return shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")


class ObjectStore:
    """A running server, whose data are in a folder.

    Attributes
    ----------
    port
        Its port on 127.0.0.1.
    environment
        Variables of the environment by which programs find it, with the credentials.
    """

    def __init__(self, weed: str, folder: Path) -> None:
        self._key, self._secret = "key-of-tests", secrets.token_hex(8)
        known = {"credentials": [{"accessKey": self._key, "secretKey": self._secret}]}
        identity = {"name": "tests", "actions": ["Admin"], **known}
        users = folder / "users.json"
        users.write_text(json.dumps({"identities": [identity]}))
        ports = _free_ports()
        self.port = ports["s3.port"]
        options = {
            "dir": str(folder),
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.electionTimeout": "1s",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": "64",
            "volume.max": VOLUMES,
            "filer": "true",
            "filer.localSocket": str(folder / "filer.sock"),
            "s3": "true",
            "s3.config": str(users),
            "s3.iam": "false",
            "s3.localSocket": str(folder / "s3.sock"),
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            **{name: str(port) for name, port in ports.items()},
        }
        words = [f"-{name}={value}" for name, value in options.items()]
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [weed, f"-logdir={folder}", "server", *words], stdout=log, stderr=log
            )
        self.environment = self.environment_at(self.port)
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def environment_at(self, port: int) -> dict[str, str]:
        """The same variables for who asks at another port, such as that of a proxy."""
        return {
            "AWS_ACCESS_KEY_ID": self._key,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def files(self) -> fs.S3FileSystem:
        """Its buckets and objects, asked without proxy."""
        return fs.S3FileSystem(
            access_key=self._key,
            secret_key=self._secret,
            endpoint_override=f"127.0.0.1:{self.port}",
            scheme="http",
            region="us-east-1",
            allow_bucket_creation=True,
            connect_timeout=5,
            request_timeout=30,
        )

    def bucket(self) -> str:
        """Make an empty bucket; return its name."""
        name = f"bucket-{secrets.token_hex(6)}"
        self.files.create_dir(name)
        return name

    def put(self, name: str, content: bytes) -> None:
        """Write an object, named with its bucket."""
        with self.files.open_output_stream(name) as file:
            file.write(content)

    def close(self) -> None:
        """End the server; asked politely, it would take a quarter of a minute."""
        self._process.kill()
        self._process.wait()

    def _wait(self) -> None:
        end = time.monotonic() + READY_S
        while True:
            try:
                self.put(f"{self.bucket()}/ready", b"yes")
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    said = self._log.read_text("utf-8", "replace")[-2000:]
                    raise RuntimeError(f"the object store did not start: {said}") from error
                time.sleep(0.1)
            else:
                return


def started(weed: str, new_folder: Callable[[], Path]) -> ObjectStore:
    """A server; another one, at other ports, if somebody took one of its ports meanwhile."""
    for _ in range(TRIES - 1):
        with suppress(RuntimeError):
            return ObjectStore(weed, new_folder())
    return ObjectStore(weed, new_folder())


def _free_ports() -> dict[str, int]:
    """A port for each part of the server; all are free at the same time."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in PORTS]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return {name: one.getsockname()[1] for name, one in zip(PORTS, sockets, strict=True)}
