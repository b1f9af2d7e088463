"""``hevner listen``: pipes and a microphone that is made up, lines as they come, and the end."""

from __future__ import annotations

import importlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from hevner.analysis import Analyzer
from hevner.audio import capture, ffmpeg
from hevner.cli import app
from hevner.errors import AudioError
from hevner.live import Instant
from hevner.result import Analysis, ChordSpan, Estimate, Moment
from tests.errors import raises
from tests.sounds import music

RATE = 8_000
listen: Any = importlib.import_module("hevner.cli.listen")  # the package has the function


def packed(samples: np.ndarray) -> bytes:
    return (samples * 32_767).astype("<i2").tobytes()


def run(*words: str, sound: bytes = b"", code: int = 0) -> tuple[list[str], str]:
    """Lines on the standard output, and what the standard error stream says."""
    done = CliRunner().invoke(app, ["listen", *words], input=sound)
    assert done.exit_code == code, done.output
    return done.stdout.splitlines(), done.stderr


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Stands for the analysis; keeps length and rate of each window."""
    windows: list[tuple[int, float]] = []

    def analyze(_self: Analyzer, samples: np.ndarray, rate: float) -> Analysis:
        windows.append((len(samples), rate))
        value = Estimate(0.25, 0.0, 0.5)
        moment = Moment(0.0, len(samples) / rate, value, value)
        chord = (ChordSpan("F#:min7", 0.0, 1.0),)
        facts: dict[str, Any] = {"chords": chord, "timeline": (moment,), "tempo": 96.0}
        return Analysis("array", "ok", len(samples) / rate, "none", **facts)

    monkeypatch.setattr(Analyzer, "analyze", analyze)
    return windows


def container(samples: np.ndarray, rate: int, **how: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **how)
    return file.getvalue()


def test_lines_are_what_the_analysis_of_the_windows_says() -> None:
    samples = music(4.5, RATE, 2)
    out, said = run(
        "-", "--rate", f"{RATE}", "--channels", "2", "-f", "jsonl", sound=packed(samples) + b"\1"
    )
    records = [json.loads(line) for line in out]
    assert [(one["time"], one["complete"]) for one in records] == [(3.0, False), (4.0, False)]
    integers = np.frombuffer(packed(samples), "<i2").reshape(-1, 2)
    whole = Analyzer().analyze(integers[: 4 * RATE], RATE)
    point = whole.timeline[-1]
    assert point.valence
    assert point.arousal
    assert records[1]["valence"]["value"] == pytest.approx(point.valence.value, abs=1e-3)
    assert records[1]["arousal"]["low"] == pytest.approx(point.arousal.low, abs=1e-3)
    assert records[1]["chord"] == whole.chords[-1].label
    assert said.startswith("Listened for 0:04: valence ")
    assert "2 lines" in said


def test_a_line_for_people_and_a_summary(quick: list[tuple[int, float]]) -> None:
    out, said = run("-", "--rate", f"{RATE}", sound=packed(music(3.0, RATE)))
    assert out == [
        " 0:03  valence +0.25 (+0.00…+0.50)  arousal +0.25 (+0.00…+0.50)  F#m7    96 bpm  first 3 s"
    ]
    assert "valence +0.25 (+0.25 to +0.25)" in said
    assert quick[-1] == (3 * RATE, RATE)
    _, said = run("-", "--rate", f"{RATE}", sound=packed(music(2.0, RATE)))
    assert said == "Listened for 2.0 s, too short for a line.\n"
    _, said = run("-", "--rate", f"{RATE}", "--quiet", sound=packed(music(2.0, RATE)))
    assert said == ""


def test_what_has_no_music_says_so() -> None:
    out, said = run("-", "--rate", f"{RATE}", sound=bytes(8 * RATE))
    assert out == [" 0:03  silence", " 0:04  silence"]
    assert "no music; 2 lines" in said


@pytest.mark.parametrize(
    "how",
    [
        {"format": "WAV", "subtype": "PCM_24"},
        {"format": "FLAC"},
        {"format": "OGG"},
        {"format": "MP3"},
    ],
    ids=lambda how: how["format"],
)
def test_containers_come_through_a_pipe(how: dict[str, str]) -> None:
    """The samples are those that the file holds; none is read long before it is handed on."""
    samples, rate = music(20.0, 44_100, 2), 44_100
    data = container(samples, rate, **how)
    pipe, ahead = io.BytesIO(data), []
    parts, count = [], 0
    for hertz, part in ffmpeg.follow(lambda size: pipe.read(min(size, 1000)), "pipe"):
        assert hertz == rate
        parts.append(part)
        count += len(part)
        ahead.append(pipe.tell() - len(data) * count / len(samples))
    decoded, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    joined = np.concatenate(parts)
    assert joined.shape[1] == 2
    assert abs(len(joined) - len(samples)) < 0.1 * rate
    assert np.abs(joined[: 5 * rate] - decoded[: 5 * rate]).max() < 1e-3
    assert max(ahead) < 80_000, "read too far before the first sample"


def test_a_container_is_listened_to(quick: list[tuple[int, float]]) -> None:
    out, _ = run("-", "-f", "jsonl", sound=container(music(4.0, 16_000), 16_000, format="FLAC"))
    assert len(out) == 2
    assert quick[-1] == (4 * 16_000, 16_000)


@pytest.mark.parametrize("size", [1, 3, 4, 7])
def test_samples_are_put_together_however_they_come(size: int) -> None:
    data = packed(music(0.01, RATE, 2))
    pipe = io.BytesIO(data + b"\1\2\3")
    parts = [part for _, part in capture.pcm(lambda _: pipe.read(size), RATE, 2, "pipe")]
    expected = np.frombuffer(data, "<i2").reshape(-1, 2) / 2**15
    assert np.array_equal(np.concatenate(parts), expected.astype(np.float32))


def test_a_summary_has_the_range_of_all_lines_and_the_longest_delay() -> None:
    summary = listen.Summary()
    for value, delay in ((0.2, 0.1), (-0.4, 0.5), (0.5, 0.2)):
        one = Estimate(value, value, value)
        summary.add(Instant(1.0, 1.0, True, "ok", one, one), delay)
    assert summary.text(60.0) == (
        "Listened for 1:00: valence +0.10 (-0.40 to +0.50), arousal +0.10 (-0.40 to +0.50); "
        "3 lines, at most 0.50 s late."
    )


def test_samples_that_make_no_sense_are_named_with_their_place(
    quick: list[tuple[int, float]],
) -> None:
    samples = music(4.0, RATE)
    samples[3 * RATE + RATE // 2] = np.nan
    sound = container(samples, RATE, format="WAV", subtype="FLOAT")
    out, said = run("-", sound=sound, code=1)
    assert len(out) == 1
    error = "Error: -: samples are not finite (NaN or infinite) near 3.5 s."
    assert said.splitlines()[-1].startswith(error)
    sound = container(2**15 * music(3.0, RATE), RATE, format="WAV", subtype="FLOAT")
    assert "as if they were integers" in run("-", sound=sound)[1]


def test_another_rate_goes_on_on_the_same_clock(
    quick: list[tuple[int, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(*_: object) -> Iterator[tuple[int, np.ndarray]]:
        yield 8_000, np.zeros((4 * 8_000, 1), np.float32)
        yield 16_000, np.zeros((3 * 16_000, 2), np.float32)
        yield 16_000, np.zeros((3 * 16_000, 1), np.float32)

    monkeypatch.setattr(listen, "_pieces", changing)
    out, _ = run("-", "-f", "jsonl")
    assert [json.loads(line)["time"] for line in out] == [3.0, 4.0, 7.0, 10.0]
    assert quick[-1] == (3 * 16_000, 16_000)


class Pipe:
    """A standard input of six seconds, each checked before it comes; then the end, or an error."""

    def __init__(
        self, check: Callable[[int], None], last: BaseException | None = None, head: bytes = b""
    ) -> None:
        self.check, self.last, self.second, self.rest = check, last, 0, head

    def read1(self, size: int) -> bytes:
        if not self.rest:
            self.check(self.second)
            self.second += 1
            if self.second <= 6:
                self.rest = bytes(2 * RATE)
            elif self.last is not None:
                raise self.last
        data, self.rest = self.rest[:size], self.rest[size:]
        return data


def test_a_line_goes_out_before_more_is_read(
    quick: list[tuple[int, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    def check(second: int) -> None:
        assert len(lines) == max(0, second - 2)

    monkeypatch.setattr(listen.typer, "echo", lines.append)
    monkeypatch.setattr(listen, "standard_input", lambda _example: Pipe(check))
    run("-", "--rate", f"{RATE}")
    assert len(lines) == 4


def test_ctrl_c_ends_with_a_summary(
    quick: list[tuple[int, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = container(np.zeros(100), RATE, format="WAV")[:40] + b"\xff\xff\xff\x7f"
    for words, head in ((["--rate", f"{RATE}"], b""), ([], endless)):
        pipe = Pipe(lambda second: None, KeyboardInterrupt(), head)
        monkeypatch.setattr(listen, "standard_input", lambda _example, pipe=pipe: pipe)
        out, said = run("-", *words, code=130)
        assert len(out) == 4
        assert said.startswith("Listened for 0:06: valence +0.25")
        assert pipe.second == 7, "read on after Ctrl-C, which may wait for ever"


def test_what_cannot_be_read_is_one_line(
    quick: list[tuple[int, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, said = run("-", sound=b"no audio at all" * 100, code=1)
    assert said.startswith("Error: ")
    assert "not audio" in said
    _, said = run("-", "--rate", f"{RATE}", "--channels", "65", sound=bytes(6 * RATE), code=1)
    assert said.startswith("Error: -: it has 65 channels")
    _, said = run("-", "--rate", f"{RATE}", "--window", "1e12", sound=bytes(10), code=1)
    assert said.startswith("Error: a window of 1e+12 s is too long")
    pipe = Pipe(lambda second: None, OSError(5, "Input/output error"))
    monkeypatch.setattr(listen, "standard_input", lambda _example: pipe)
    _, said = run("-", "--rate", f"{RATE}", code=1)
    assert said.splitlines()[-1].startswith("Error: -: cannot be read (Input/output")
    for words in (["-", "--rate", "1"], ["-", "--rate", "0"], ["--rate", "0"]):
        _, said = run(*words, code=1)
        assert "a sample rate of" in said
    run("-", "--format", "csv", code=2)


# --- a microphone ---


class FakeDevice(ModuleType):
    """Stands for the package sounddevice: an input that gives a number of blocks at once."""

    class PortAudioError(Exception):
        """As of the package."""

    def __init__(self, blocks: int) -> None:
        super().__init__("sounddevice")
        self.blocks, self.opened = blocks, []

    def query_devices(self, device: object = None, kind: str | None = None) -> Any:
        known = {"name": "Built-in", "max_input_channels": 2, "default_samplerate": 8000.0}
        if kind is None:
            return [known, known | {"name": "Loudspeaker", "max_input_channels": 0}]
        if device not in (None, 1, "Built"):
            raise ValueError(f"No input device matching {device!r}")
        return known

    def InputStream(  # noqa: N802
        self, rate: float, size: int, device: object, channels: int, dtype: str, callback: Any
    ) -> FakeDevice:
        if channels > 2:
            raise self.PortAudioError("Invalid number of channels")
        self.opened.append((rate, size, device, channels, dtype))
        self.send = lambda: callback(np.zeros((size, channels), dtype), size, None, None)
        return self

    def __enter__(self) -> FakeDevice:
        for _ in range(self.blocks):
            self.send()
        return self

    def __exit__(self, *_: object) -> None:
        self.opened.append("closed")


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], FakeDevice]:
    """Puts in a microphone that gives a number of blocks, and then nothing."""

    def put(blocks: int) -> FakeDevice:
        device = FakeDevice(blocks)
        monkeypatch.setitem(sys.modules, "sounddevice", device)
        monkeypatch.setattr(capture, "MUTE_S", 0.01)
        return device

    return put


@pytest.mark.parametrize(("words", "device"), [((), None), (("1",), 1), (("Built",), "Built")])
def test_a_microphone_is_listened_to(
    words: tuple[str, ...],
    device: object,
    plug: Callable[[int], FakeDevice],
    quick: list[tuple[int, float]],
) -> None:
    fake = plug(30)
    out, said = run(*words, code=1)
    assert len(out) == 1
    assert fake.opened == [(8000.0, 800, device, 1, "float32"), "closed"]
    assert quick[-1] == (3 * 8000, 8000)
    assert said.splitlines()[-1].endswith("Connect it again")
    assert "lost" not in said


def test_of_a_microphone_no_more_is_held_than_can_be_caught_up_with(
    plug: Callable[[int], FakeDevice], quick: list[tuple[int, float]]
) -> None:
    plug(45)
    out, said = run("--rate", "16000", "--channels", "2", code=1)
    assert len(out) == 1
    assert "Note: 1.5 s were lost, as this machine is too slow for them." in said


def test_a_microphone_that_is_missing_is_one_line(
    plug: Callable[[int], FakeDevice], monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(1)
    for device, channels in (("USB", 1), (None, 3)):
        with raises(AudioError, "no_input", subject="USB" if device else "") as found:
            next(capture.microphone(device, None, channels, []))
        assert "Inputs are: Built-in" in str(found.value)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    _, said = run(code=1)
    assert said.endswith("Install it with: pip install 'hevner[live]'\n")


def test_the_library_of_the_system_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with raises(AudioError, "portaudio_missing"):
        next(capture.microphone(None, None, 1, []))
