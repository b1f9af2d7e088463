"""Render ``midi/*.mid`` to ``audio/*.ogg`` with FluidSynth.

    python examples/render.py MuseScore_General_Full.sf2

The committed audio was made with MuseScore General (MIT licence). The loudest piece gets an RMS
level of `LOUDEST_DBFS`; the others keep half their distance to it in decibels, so that a calm piece
stays softer than a tense one yet can be heard beside it. Each file lasts exactly as long as
``annotations.json`` says, with a short fade at both ends; stereo, 44.1 kHz, Ogg Vorbis.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.ndimage import minimum_filter1d, uniform_filter1d

HERE = Path(__file__).resolve().parent
SAMPLE_RATE = 44_100
LOUDEST_DBFS, LEVEL_CONTRAST = -16.2, 0.5
PEAK_DBFS = -3.5  # leaves room for what the lossy coder adds
LOOKAHEAD_S = 0.004
FADE_IN_S, FADE_OUT_S = 0.005, 0.8
ROOM = (
    "synth.reverb.room-size=0.7",
    "synth.reverb.damp=0.3",
    "synth.reverb.width=0.4",
    "synth.reverb.level=0.7",
)
COMPRESSION = 1.0  # of soundfile: 1 gives the smallest Vorbis files

Audio = npt.NDArray[np.float32]


def synthesise(midi: Path, soundfont: Path, duration_s: float) -> Audio:
    """Play `midi` through `soundfont`: stereo samples (n, 2), cut to `duration_s` and faded."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "out.wav"
        command = ["fluidsynth", "-ni", "-q", "-g", "0.25", "-r", str(SAMPLE_RATE), "-R", "1"]
        command += [f"-o{setting}" for setting in ROOM]
        command += ["-C", "0", "-O", "float", "-T", "wav", "-F", str(wav)]
        subprocess.run([*command, str(soundfont), str(midi)], check=True, capture_output=True)
        audio, _ = soundfile.read(wav, dtype="float32", always_2d=True)
    length = round(duration_s * SAMPLE_RATE)
    audio = np.pad(audio[:length], ((0, max(0, length - len(audio))), (0, 0)))
    return audio * envelope(length)[:, None]


def envelope(length: int) -> npt.NDArray[np.float32]:
    """Raised-cosine fades at both ends of `length` samples."""
    gain = np.ones(length, dtype=np.float32)
    for seconds, part in ((FADE_IN_S, gain), (FADE_OUT_S, gain[::-1])):
        n = round(seconds * SAMPLE_RATE)
        part[:n] = 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)
    return gain


def rms_dbfs(audio: Audio) -> float:
    """Root-mean-square level of `audio` in decibels relative to full scale."""
    return float(10 * np.log10(np.mean(audio**2)))


def limit(audio: Audio) -> Audio:
    """Turn single peaks down to `PEAK_DBFS`, looking `LOOKAHEAD_S` ahead."""
    n = 2 * round(LOOKAHEAD_S * SAMPLE_RATE) + 1
    gain = np.minimum(1, 10 ** (PEAK_DBFS / 20) / np.maximum(np.abs(audio).max(axis=1), 1e-9))
    gain = uniform_filter1d(minimum_filter1d(gain, n), n)  # the mean of minima is never too large
    limited: Audio = audio * gain[:, None].astype(np.float32)
    return limited


def render(soundfont: Path, folder: Path = HERE) -> None:
    """Write the audio of every annotated piece under `folder`."""
    pieces = json.loads((folder / "annotations.json").read_text(encoding="utf-8")).values()
    rendered = {
        piece["audio"]: synthesise(folder / piece["midi"], soundfont, piece["duration_s"])
        for piece in pieces
    }
    loudest = max(rms_dbfs(audio) for audio in rendered.values())
    (folder / "audio").mkdir(exist_ok=True)
    for name, audio in rendered.items():
        level = LOUDEST_DBFS + LEVEL_CONTRAST * (rms_dbfs(audio) - loudest)
        gain = 10 ** ((level - rms_dbfs(audio)) / 20)
        write_vorbis(folder / name, limit(gain * audio))


def write_vorbis(path: Path, audio: Audio) -> None:
    """Encode `audio` a second at a time: long Vorbis writes can overflow libsndfile's stack."""
    with soundfile.SoundFile(
        path,
        "w",
        samplerate=SAMPLE_RATE,
        channels=audio.shape[1],
        format="OGG",
        subtype="VORBIS",
        compression_level=COMPRESSION,
    ) as file:
        for start in range(0, len(audio), SAMPLE_RATE):
            file.write(audio[start : start + SAMPLE_RATE])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Render the example pieces with FluidSynth.")
    parser.add_argument("soundfont", type=Path, help="a General MIDI soundfont (.sf2)")
    render(parser.parse_args().soundfont)
