"""An encoder of sounds and texts for tests: its vectors are the loudness of some bands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hevner.catalog.analyze_file import AnalyzedFile
from hevner.catalog.catalog import Catalog
from hevner.catalog.encoding import Encoded, encode
from hevner.catalog.index_options import Options
from hevner.encoders.base import EncoderCard, check_windows
from hevner.files import find_audio
from tests import sounds
from tests.catalog.made_up import SPACE, FakeAnalyzer

NAME = "bands"
RATE = 8000
BANDS = 16

CARD = EncoderCard(
    id=NAME,
    version="1-0123456789ab",
    sample_rate=RATE,
    window_samples=RATE,
    hop_samples=RATE,
    dimension=BANDS,
    licence="MIT",
    commercial_use=True,
    citation="",
    description="Loudness of bands of 250 Hz",
    shortest=800,
)


class Bands:
    """The encoder: texts are the number of a band, or several.

    Parameters
    ----------
    card
        Its card.
    meanwhile
        Called before windows are encoded.
    """

    def __init__(
        self, card: EncoderCard = CARD, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        self.card = card
        self.asked = 0
        self._meanwhile = meanwhile

    def encode(self, windows: np.ndarray) -> np.ndarray:
        windows = check_windows(windows, self.card.window_samples, self.card.shortest)
        self.asked += 1
        self._meanwhile()
        spectrum = np.abs(np.fft.rfft(windows, axis=1))[:, 1:]
        bands = np.stack([band.sum(axis=1) for band in np.array_split(spectrum, BANDS, axis=1)], 1)
        return _unit(bands)

    def text(self, sentences: Sequence[str]) -> np.ndarray:
        vectors = np.full((len(sentences), BANDS), 0.01)
        for vector, sentence in zip(vectors, sentences, strict=True):
            for word in filter(str.isdigit, sentence.split()):
                vector[int(word)] += 1
        return _unit(vectors)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.float32(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def version(text: str) -> EncoderCard:
    """The card with another version."""
    return replace(CARD, version=text)


def tone(path: Path, band: int, seconds: float = 2.0) -> Path:
    """A file that sounds in one band."""
    time = np.arange(round(seconds * RATE)) / RATE
    samples = 0.5 * np.sin(2 * np.pi * (250 * band + 125) * time)
    return sounds.write(path, samples.astype(np.float32), RATE)


class Tones(FakeAnalyzer):
    """Makes up an analysis of files of audio."""

    def analyze(self, path: Path, /) -> AnalyzedFile:
        self.asked.append(path.name)
        words = path.with_suffix(".txt")
        words.write_text(path.read_bytes().hex())
        try:
            made_up = FakeAnalyzer().analyze(words)
        finally:
            words.unlink()
        return AnalyzedFile({**made_up.piece, "arousal": 0.5}, made_up.moments)


def encode_folder(
    folder: Path, catalog: Catalog, encoder: Bands | None = None, **options: object
) -> Encoded:
    """Encode the pieces of a catalogue from a folder."""
    return encode(find_audio([folder])[0], catalog, encoder or Bands(), Options(**options))  # type: ignore[arg-type]


def vectors(catalog: Catalog) -> dict[str, list[float] | None]:
    """Vectors of the pieces, by name."""
    found = Catalog(catalog.folder, SPACE).listing(["name", "encoded"])
    return {row["name"]: row["encoded"] for row in found}
