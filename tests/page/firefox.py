"""A stock Firefox, driven by its own protocol: playwright drives only builds of its own.

What it does has the names of playwright's page, so that tests can be written for both.

Marionette is part of every Firefox. A message is its length, a colon and a list in JSON:
``[0, number, command, parameters]`` to the browser, ``[1, number, error, result]`` from it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

BINARY = shutil.which("firefox-esr") or shutil.which("firefox")
START_S = 180
WAIT_S = 180
LONG_S = 600
"""Seconds for the start of the browser, for what should come on a page, and for one command."""

PREFERENCES = {
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "intl.accept_languages": "en",
    "marionette.port": 0,
    "media.autoplay.default": 0,
    "media.cubeb.force_mock_context": True,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.log.level": "Fatal",
    "app.update.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
}
"""Nothing is asked of other hosts, sound starts without a click and goes to a device that is none,
and comes from a microphone that is a tone."""

KEYS = {"Tab": "\ue004", "Enter": "\ue007", "ArrowRight": "\ue014"}
SCREEN = {"MOZ_HEADLESS_WIDTH": "1600", "MOZ_HEADLESS_HEIGHT": "1200"}
THEMES = {"dark": 0, "light": 1}

VISIBLE = "(one) => document.querySelector(one)?.checkVisibility({ visibilityProperty: true })"
FOCUS = "(one) => document.querySelector(one).focus()"
EMPTY = """(one) => {
    document.querySelector(one).focus();
    document.querySelector(one).select();
}"""

SIZE = """
    const { style } = gBrowser.selectedBrowser;
    [style.width, style.height] = [`${arguments[0]}px`, `${arguments[1]}px`];
"""
THEME = """
    Services.prefs.setIntPref("layout.css.prefers-color-scheme.content-override", arguments[0]);
"""

COMPLAINTS = """
    const [address] = arguments;
    const all = Services.console.getMessageArray();
    Services.console.reset();
    const { warningFlag } = Ci.nsIScriptError;
    return all.filter((one) => one instanceof Ci.nsIScriptError && !(one.flags & warningFlag))
        .filter((one) => (one.sourceName ?? "").startsWith(address))
        .map((one) => `${one.errorMessage} (${one.sourceName}:${one.lineNumber})`);
"""


class Firefox:
    """A browser without a window, with a profile of its own in ``folder``."""

    def __init__(self, folder: Path) -> None:
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});"
            for name, value in PREFERENCES.items()
        ]
        (folder / "user.js").write_text("\n".join(lines), encoding="utf-8")
        assert BINARY is not None
        self._process = subprocess.Popen(
            [
                *(BINARY, "--headless", "--marionette", "--remote-allow-system-access"),
                *("--no-remote", "--profile", folder),
            ],
            env=os.environ | SCREEN,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._number = 0
        self._socket = self._connected(folder / "MarionetteActivePort")
        self._stream = self._socket.makefile("rb")
        self._received()  # says who it is
        self.send("WebDriver:NewSession")
        self.send("WebDriver:SetTimeouts", script=LONG_S * 1000, pageLoad=LONG_S * 1000)
        self.send("WebDriver:SetWindowRect", width=1600, height=1200)
        self.keyboard = Keyboard(self)

    def _connected(self, told: Path) -> socket.socket:
        """A connection to the port that the browser has chosen and told in a file."""
        deadline = time.monotonic() + START_S
        while not (told.is_file() and (port := told.read_text())):
            assert time.monotonic() < deadline, "Firefox does not start"
            assert self._process.poll() is None, "Firefox ended at once"
            time.sleep(0.1)
        return socket.create_connection(("127.0.0.1", int(port)), timeout=LONG_S)

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

    def chrome(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the browser itself; returns what it returns."""
        self.send("Marionette:SetContext", value="chrome")
        found = self.send("WebDriver:ExecuteScript", script=script, args=arguments)
        self.send("Marionette:SetContext", value="content")
        return found

    def complaints(self, address: str) -> list[str]:
        """Errors of scripts and policies from an address since the last time."""
        found: list[str] = self.chrome(COMPLAINTS, address)
        return found

    def goto(self, address: str) -> None:
        self.send("WebDriver:Navigate", url=address)
        self.chrome("gBrowser.selectedBrowser.focus();")  # the last Tab may have left the page

    def reload(self) -> None:
        self.send("WebDriver:Refresh")

    def evaluate(self, expression: str, arg: Any = None) -> Any:
        script = f"""const found = {expression};
            return typeof found === "function" ? found(arguments[0]) : found;"""
        return self.send("WebDriver:ExecuteScript", script=script, args=[arg], newSandbox=False)

    def wait_for_function(self, expression: str, *, arg: Any = None) -> None:
        deadline = time.monotonic() + WAIT_S
        while not self.evaluate(expression, arg):
            assert time.monotonic() < deadline, f"never came: {expression} {arg or ''}"
            time.sleep(0.1)

    def wait_for_selector(self, selector: str) -> None:
        self.wait_for_function(VISIBLE, arg=selector)

    def wait_for_timeout(self, milliseconds: float) -> None:
        time.sleep(milliseconds / 1000)

    def _found(self, selector: str) -> str:
        found = self.send("WebDriver:FindElement", using="css selector", value=selector)
        (element,) = found.values()
        return str(element)

    def click(self, selector: str) -> None:
        self.wait_for_selector(selector)
        self.send("WebDriver:ElementClick", id=self._found(selector))

    def fill(self, selector: str, text: str) -> None:
        self.wait_for_selector(selector)
        self.evaluate(EMPTY, selector)
        self.keyboard.type(text)

    def press(self, selector: str, key: str) -> None:
        self.wait_for_selector(selector)
        self.evaluate(FOCUS, selector)
        self.keyboard.press(key)

    def set_input_files(self, selector: str, file: Path) -> None:
        self.send("WebDriver:ElementSendKeys", id=self._found(selector), text=str(file))

    def set_viewport_size(self, size: dict[str, int]) -> None:
        self.chrome(SIZE, size["width"], size["height"])
        self.wait_for_function(
            "([width, height]) => innerWidth === width && innerHeight === height",
            arg=[size["width"], size["height"]],
        )

    def emulate_media(self, *, color_scheme: str) -> None:
        self.chrome(THEME, THEMES[color_scheme])
        query = f"(prefers-color-scheme: {color_scheme})"
        self.wait_for_function("(query) => matchMedia(query).matches", arg=query)

    def stop(self) -> None:
        """End the browser."""
        self._stream.close()
        self._socket.close()
        self._process.terminate()
        self._process.wait()


class Keyboard:
    """Keys as a hand presses them, wherever the focus is."""

    def __init__(self, browser: Firefox) -> None:
        self._browser = browser

    def press(self, key: str) -> None:
        self.type(KEYS[key])

    def type(self, text: str) -> None:
        actions = [
            {"type": way, "value": character} for character in text for way in ("keyDown", "keyUp")
        ]
        keys = {"type": "key", "id": "keyboard", "actions": actions}
        self._browser.send("WebDriver:PerformActions", actions=[keys])
