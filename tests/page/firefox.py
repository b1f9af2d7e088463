"""A stock Firefox, driven by its own protocol: playwright drives only builds of its own.

Marionette is part of every Firefox. A message is its length, a colon and a list in JSON:
``[0, number, command, parameters]`` to the browser, ``[1, number, error, result]`` from it.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

BINARY = shutil.which("firefox-esr") or shutil.which("firefox")
START_S = 60
WAIT_S = 60
LONG_S = 600
"""Seconds for the start of the browser, for what should come on a page, and for one command."""

PREFERENCES = {
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "intl.accept_languages": "en",
    "media.autoplay.default": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.log.level": "Fatal",
    "app.update.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
}
"""Nothing is asked of other hosts, and sound may start without a click."""

COMPLAINTS = """
    const [address] = arguments;
    const all = Services.console.getMessageArray();
    Services.console.reset();
    return all.filter((one) => one instanceof Ci.nsIScriptError && !(one.flags & Ci.nsIScriptError.warningFlag))
        .filter((one) => (one.sourceName ?? "").startsWith(address))
        .map((one) => `${one.errorMessage} (${one.sourceName}:${one.lineNumber})`);
"""


class Firefox:
    """A browser without a window, with a profile of its own in ``folder``."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});"
            for name, value in (PREFERENCES | {"marionette.port": port}).items()
        ]
        (folder / "user.js").write_text("\n".join(lines), encoding="utf-8")
        assert BINARY is not None
        self._process = subprocess.Popen(
            [BINARY, "--headless", "--marionette", "--remote-allow-system-access"]
            + ["--no-remote", "--profile", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._number = 0
        self._socket = self._connected(port)
        self._stream = self._socket.makefile("rb")
        self._received()  # says who it is
        self.send("WebDriver:NewSession")

    def _connected(self, port: int) -> socket.socket:
        deadline = time.monotonic() + START_S
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=LONG_S)
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "Firefox does not start"
                assert self._process.poll() is None, "Firefox ended at once"
                time.sleep(0.1)

    def _received(self) -> Any:
        length = b""
        while (digit := self._stream.read(1)) != b":":
            length += digit
        return json.loads(self._stream.read(int(length)))

    def send(self, command: str, **parameters: Any) -> Any:
        """Give a command; returns its result."""
        self._number += 1
        message = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, number, error, result = self._received()
        assert number == self._number
        assert error is None, error
        return result["value"] if isinstance(result, dict) and "value" in result else result

    def open(self, address: str) -> None:
        """Load a page."""
        self.send("WebDriver:Navigate", url=address)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the page; returns what it returns."""
        return self.send("WebDriver:ExecuteScript", script=script, args=arguments)

    def until(self, condition: str, *arguments: Any) -> Any:
        """Wait until an expression is true; returns its value."""
        deadline = time.monotonic() + WAIT_S
        while not (found := self.run(f"return {condition}", *arguments)):
            assert time.monotonic() < deadline, f"never came: {condition}"
            time.sleep(0.1)
        return found

    def _found(self, selector: str) -> str:
        found = self.send("WebDriver:FindElement", using="css selector", value=selector)
        (element,) = found.values()
        return str(element)

    def click(self, selector: str) -> None:
        """Click an element as a hand does."""
        self.send("WebDriver:ElementClick", id=self._found(selector))

    def type(self, selector: str, text: str) -> None:
        """Type into a field, or choose files by their paths."""
        self.send("WebDriver:ElementSendKeys", id=self._found(selector), text=text)

    def complaints(self, address: str) -> list[str]:
        """Errors of scripts and policies from an address since the last time."""
        self.send("Marionette:SetContext", value="chrome")
        found: list[str] = self.run(COMPLAINTS, address)
        self.send("Marionette:SetContext", value="content")
        return found

    def stop(self) -> None:
        """End the browser."""
        self._stream.close()
        self._socket.close()
        self._process.terminate()
        self._process.wait()
