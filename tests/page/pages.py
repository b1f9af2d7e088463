"""A server with a page, what a browser complained of, and what tests of the page do to it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
Page, expect = sync_api.Page, sync_api.expect

STATIC = Path(__file__).parents[2] / "src" / "hevner" / "serve" / "static"
AUDIO = Path(__file__).parents[2] / "examples" / "audio"
TEXT: dict[str, Any] = json.loads((STATIC / "strings.en.json").read_text("utf-8"))
SERVE = "import typer; from hevner.cli.serve import serve; typer.run(serve)"
LONG_S = 400
"""Seconds of a file whose analysis takes long enough to be interrupted."""

PATIENCE_S = 180
"""Seconds until a test that waits for something gives up."""

expect.set_options(timeout=1000 * PATIENCE_S)


class Service:
    """A server on a port of its own, that can be stopped and started again at the same one."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.address = ""
        self._port = "0"  # any that is free; the first start tells which
        self._command = [
            *(sys.executable, "-c", SERVE, *options),
            *("--state", str(folder / "state"), "--jobs", "1"),
        ]
        self._env = os.environ | {
            "HEVNER_CACHE": str(folder / "cache"),
            "HEVNER_HOME": str(folder / "home"),
        }
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [*self._command, "--port", self._port]
        self._process = subprocess.Popen(command, env=self._env, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if line.startswith("Listening on"):
                self.address = line.split()[2].rstrip("/")
                self._port = self.address.rpartition(":")[2]
                return
        raise AssertionError("".join(said))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.communicate()
        self._process = None


class Watch:
    """What a page asked for and complained of."""

    def __init__(self, page: Page, service: Service) -> None:
        self.requests: list[str] = []
        self.accepted = 0
        self.complaints: list[str] = []
        self.may_fail = False
        self._service = service
        page.on("request", lambda request: self.requests.append(f"{request.method} {request.url}"))
        page.on("response", self._answered)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self._heard(said.text))

    def _answered(self, answer: Any) -> None:
        self.accepted += answer.status == 202

    def _heard(self, text: str) -> None:
        if not (self.may_fail and text.startswith("Failed to load resource")):
            self.complaints.append(text)

    def check(self) -> None:
        own = (f"{self._service.address}/", f"blob:{self._service.address}/", "data:")
        strangers = [one for one in self.requests if not one.split(" ", 1)[1].startswith(own)]
        assert strangers == [], strangers
        assert self.complaints == [], self.complaints


DRAWN = """(canvas) => {
    const shown = document.querySelector(canvas);
    const { data } = shown.getContext("2d").getImageData(0, 0, shown.width, shown.height);
    return new Set(new Uint32Array(data.buffer)).size > 10;
}"""

Opener = Callable[..., tuple[Any, Watch]]


def write_wav(path: Path, samples: bytes, rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return path


def copied(name: str, folder: Path) -> Path:
    """An example piece under a name of which the page has no result yet."""
    copy = folder / f"{folder.name} {name}"
    shutil.copyfile(AUDIO / name, copy)
    return copy


def drop(page: Any, file: Path) -> None:
    """Drop a file on the page as a hand does, and wait until it is what the page shows."""
    page.evaluate(
        """async ([name, bytes]) => {
            const dataTransfer = new DataTransfer();
            const { buffer } = Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0));
            dataTransfer.items.add(new File([buffer], name));
            for (const event of ["dragenter", "dragover", "drop"]) {
                const how = { dataTransfer, bubbles: true, cancelable: true, composed: true };
                document.querySelector("main").dispatchEvent(new DragEvent(event, how));
            }
        }""",
        [file.name, base64.b64encode(file.read_bytes()).decode()],
    )
    page.wait_for_function(
        "(name) => document.querySelector('.job.current .name')?.textContent === name",
        arg=file.stem.replace("_", " "),
    )


def playhead(page: Page) -> float:
    """Where the playhead is, as a share of the width."""
    share: float = page.evaluate(
        """() => {
            const line = document.querySelector(".timeline").getBoundingClientRect();
            const head = document.querySelector(".playhead:not(.ghost)").getBoundingClientRect();
            return (head.left + head.width / 2 - line.left) / line.width;
        }"""
    )
    return share


def wait_for(page: Page, happened: Callable[[], Any]) -> None:
    """Wait until something has happened here, such as a request that was held up."""
    until = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        page.wait_for_timeout(10)  # what comes from the browser is heard meanwhile


def drawn(page: Page, canvas: str) -> None:
    """Wait until there is a picture on a canvas, and not only a colour or two."""
    page.wait_for_function(DRAWN, arg=canvas)


def result_of(page: Page, part: str = "result") -> dict[str, Any]:
    """What the service has of the piece that is shown."""
    told: dict[str, Any] = page.evaluate(
        """async (part) => {
            const { id } = document.querySelector(".job.current").job;
            return (await fetch(`api/v1/analyses/${id}/${part}`)).json();
        }""",
        part,
    )
    return told


def sounded(page: Page, time: str) -> None:
    """Wait until the player has come to a time."""
    page.wait_for_function(
        "(time) => document.querySelector('.bar .time').textContent >= time", arg=time
    )


def searching(page: Page, **wanted: Any) -> Any:
    """Expect that a search with these keys is sent, and without those that are None.

    A search goes out a moment after the last change, so that one of before may come first.
    """

    def is_it(request: Any) -> bool:
        if not request.url.endswith("/search"):
            return False
        sent = request.post_data_json
        return all(sent.get(name) == value for name, value in wanted.items())

    return page.expect_request(is_it)


def along(page: Page, *points: tuple[float, float]) -> None:
    """Draw on the plane with the mouse, from point to point, each on -1..1."""
    box = page.locator(".plane").bounding_box()
    margin = 18  # of the plane inside its canvas
    side = box["width"] - 2 * margin

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x = box["x"] + margin + (point[0] + 1) / 2 * side
        return x, box["y"] + margin + (1 - point[1]) / 2 * side

    page.mouse.move(*place(points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*place(point), steps=8)
    page.mouse.up()


def without_storage(page: Page) -> None:
    """Load the page anew in a browser that keeps nothing, as some do for reasons of privacy."""
    page.context.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"]) {
            Object.defineProperty(window, name, {
                get() { throw new DOMException("closed", "SecurityError"); },
            });
        }"""
    )
    page.reload()
    page.wait_for_selector("nav a[aria-current]")
