"""Stand-ins for the analysis, so that tests of what surrounds it are quick."""

from __future__ import annotations

import dataclasses
import sys
import time
import types
from itertools import pairwise
from pathlib import Path

import numpy as np

from hevner.audio.decode import SAMPLE_RATE, open_audio
from hevner.emotion import GEMS, Quadrant
from hevner.explanation import OTHER, Contributions, Explanation
from hevner.moods import TAGS
from hevner.result import Analysis, ChordSpan, Estimate, KeyCandidate, Moment, TagEstimate

PRESENT = ("sad", "film", "slow", "melancholic", "nature", "soft", "dark", "energetic", "corporate")
"""Tags of a sample that are present, the strongest first."""


def tag_estimates() -> tuple[TagEstimate, ...]:
    """All tags, those of `PRESENT` first."""
    first = sorted(TAGS, key=lambda tag: (*PRESENT, tag.name).index(tag.name))
    return tuple(
        TagEstimate(tag.name, tag.group, 0.2, 9.0 - rank / 10, True)
        if tag.name in PRESENT
        else TagEstimate(tag.name, tag.group, 0.01, 0.5, False)
        for rank, tag in enumerate(first)
    )


def sample(path: str = "song.wav", seconds: float = 12.0, **changes: object) -> Analysis:
    """An analysis with all that one can hold."""
    edges = [float(t) for t in np.arange(0, seconds, 3.0)] + [seconds]
    spans = list(pairwise(edges))
    labels = ("A:min", "F:maj", "C:maj", "G:7")
    analysis = Analysis(
        path=path,
        status="ok",
        duration=seconds,
        model="fake 1",
        valence=Estimate(-0.25, -0.5, 0.125),
        arousal=Estimate(0.5, 0.25, 0.75),
        headline=Quadrant.Q2.value,
        music_probability=0.9,
        quadrant="Q2",
        quadrant_words=Quadrant.Q2.value,
        quadrant_probabilities={"Q1": 0.2, "Q2": 0.5, "Q3": 0.2, "Q4": 0.1},
        tension=Estimate(0.25, 0.0, 0.5),
        emotions={
            "fear": Estimate(0.5, 0.375, 0.625),
            "anger": Estimate(0.375, 0.25, 0.5),
            **{name: Estimate(0.125, 0.0, 0.25) for name in ("joy", "sadness", "tenderness")},
        },
        moods={mood: 0.9 - rank / 10 for rank, mood in enumerate(GEMS)},
        tags=tag_estimates(),
        contradictions=("slow but also fast: they disagree about tempo",),
        key="A minor",
        mode="aeolian",
        key_confidence=0.75,
        key_candidates=(
            KeyCandidate("A minor", "aeolian", 0.75),
            KeyCandidate("C major", None, 0.2),
        ),
        tempo=120.0,
        chords=tuple(ChordSpan(labels[i % 4], *span) for i, span in enumerate(spans)),
        familiarity=0.5,
        sounds_like={"film score": 0.75, "song": 0.25, "solo piano": 0.0},
        timeline=tuple(
            Moment(
                *span,
                Estimate(0.1 * i, -0.5, 0.9),
                None if i == 1 else Estimate(0.2, 0, 0.4),
                Estimate(-0.1 * i, -0.7, 0.5),
            )
            for i, span in enumerate(spans)
        ),
        explanation=Explanation(
            {"mode": -1.2},
            "film scores that people call tense",
            {"valence": Contributions(0.05, {"mode": -0.2, OTHER: -0.1})},
            tuple({"valence": {"mode": 0.1 * i, OTHER: 0.25}} for i, _ in enumerate(spans)),
        ),
        warnings=("the file ends early: 12.0 of 20.0 s could be read",),
    )
    return dataclasses.replace(analysis, **changes)  # type: ignore[arg-type]


def silence(path: str = "silent.wav") -> Analysis:
    """An analysis of nothing."""
    headline = "nothing sounds, so there is no emotion"
    return Analysis(path, "silent", 3.0, "fake 1", headline)


class FakeAnalyzer:
    """Decodes for real, makes the rest up, and remembers what it was asked.

    Parameters
    ----------
    log
        A file that gets a line per analysis; none if None.
    slow
        Files whose name begins like this take for ever.
    """

    def __init__(self, log: Path | None = None, slow: str = "never") -> None:
        self.log = log
        self.slow = slow
        self.asked: list[str] = []

    def analyze(self, source: Path, /) -> Analysis:
        self.asked.append(source.name)
        audio = open_audio(source)
        blocks = list(audio.blocks)
        if source.name.startswith(self.slow):
            time.sleep(3600)
        if self.log is not None:
            with self.log.open("a") as log:
                log.write(f"{source.name}\n")
        seconds = sum(map(len, blocks)) / SAMPLE_RATE
        if not any(np.ptp(block) > 0 for block in blocks):
            return silence(str(source))
        return sample(str(source), seconds, warnings=tuple(audio.warnings))


def install(analyzer: FakeAnalyzer) -> types.ModuleType:
    """Put a fake in the place of `hevner.analysis`; return the module."""
    module = types.ModuleType("hevner.analysis")
    module.Analyzer = lambda **_: analyzer  # type: ignore[attr-defined]
    sys.modules["hevner.analysis"] = module
    return module


def contents(folder: Path) -> list[str]:
    """Names of all that lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


if __name__ == "__main__":
    # python -m tests.fakes LOG SLOW analyze ...: the command line over a fake analysis.
    from hevner.cli import main

    install(FakeAnalyzer(Path(sys.argv[1]), sys.argv[2]))
    del sys.argv[1:3]
    main()
