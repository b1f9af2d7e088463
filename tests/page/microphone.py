"""What a page makes of a microphone, in any browser."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from hevner.analysis import Analyzer
from tests.page.pages import TEXT, drawn

KEEP = """() => {
    window.sent = [];
    const ask = window.fetch;
    window.fetch = async (address, options) => {
        const answer = await ask(address, options);
        if (options?.body instanceof Blob) {
            const samples = new Int16Array(await options.body.arrayBuffer());
            window.sent.push([[...samples], await answer.clone().json()]);
        }
        return answer;
    };
}"""
"""Keeps what a page sends and is answered."""

SAYS = "([one, text]) => document.querySelector(one)?.textContent.includes(text)"

HEARD = """(seconds) => {
    const at = /(\\d+):(\\d\\d)/.exec(document.querySelector(".lead").textContent);
    return at && 60 * at[1] + Number(at[2]) >= seconds;
}"""
"""A busy service takes two seconds at a time, so that one of them may never be shown."""


def listened(page: Any) -> tuple[np.ndarray, int, list[dict[str, Any]]]:
    """Let a page that has begun listen for some seconds, and compare what it says to the sound.

    Returns
    -------
    tuple of numpy.ndarray, int and list of dict
        Samples that were sent, of 16 bits, their rate in hertz, and the instants that came back.
    """
    page.wait_for_function(HEARD, arg=5)
    drawn(page, ".timeline canvas.curve")
    page.keyboard.press("Enter")
    page.wait_for_function(SAYS, arg=[".lead", TEXT["live.stopped"]])
    page.wait_for_function(SAYS, arg=[".listen button", TEXT["live.start"]])
    sent, rate = page.evaluate("() => [window.sent, new AudioContext().sampleRate]")
    samples = np.concatenate([np.array(part, np.int16) for part, _ in sent])
    found = [one for _, answer in sent for one in answer["instants"]]
    expected = [one.to_dict() for one in Analyzer().stream(rate).feed(samples)]
    assert found == json.loads(json.dumps(expected))
    for name in ("valence", "arousal"):
        at = found[-1][name]
        said = f"{at['value']:+.2f}".replace("-", "\N{MINUS SIGN}") if at else "\N{EN DASH}"
        said = said[1:] if said.endswith("0.00") else said
        page.wait_for_function(SAYS, arg=[f".now .{name}", said])
    return samples, rate, found


def alike(part: np.ndarray, played: np.ndarray) -> float:
    """Correlation of a part of a recording with what it is a part of."""
    size, twice = 2**21, np.concatenate([played, played])
    spectra = np.fft.rfft(twice, size) * np.conj(np.fft.rfft(part, size))
    at = int(np.argmax(np.fft.irfft(spectra)[: len(played)]))
    return float(np.corrcoef(twice[at : at + len(part)], part)[0, 1])
