from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import imread

from hevner.emotion import Scale
from hevner.errors import OutputError
from hevner.output import plot
from hevner.result import ChordSpan
from tests.fakes import contents, sample, silence


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pictures are drawn sooner."""
    monkeypatch.setattr(plot, "DPI", 40)


def words(figure: Figure) -> str:
    texts = list(figure.texts)
    for axes in figure.axes:
        texts += [*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label]
        texts += axes.get_xticklabels() + axes.get_yticklabels() + [axes._left_title]
        legend = axes.get_legend()
        texts += legend.get_texts() if legend else []
    return "\n".join(text.get_text() for text in texts)


def test_plot_is_a_picture_with_content(tmp_path: Path) -> None:
    plot.save(sample(), tmp_path / "a.png")
    pixels = imread(tmp_path / "a.png")
    assert pixels.shape[:2] == (360, 400)
    for corner in np.array_split(pixels[..., :3], 3):
        assert corner.std() > 0.05
    assert contents(tmp_path) == ["a.png"]


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_ending_chooses_the_form(tmp_path: Path, ending: str, start: bytes) -> None:
    plot.save(sample(), tmp_path / f"a.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes().startswith(start)


def test_plot_says_what_it_shows() -> None:
    text = words(plot.draw(sample("music/My Song.mp3")))
    for word in ("My Song.mp3", "0:12", "Valence: unpleasant → pleasant", "Arousal: calm → excited",
                 "happy, excited", "tense, angry", "sad, gloomy", "calm, content", "start", "end",
                 "whole piece, with interval", "joyful activation", "90%", "valence", "arousal",
                 "tension", "fear", "Expressed: not at all → very", "sounds like: film score 75%",
                 "Key: A minor (aeolian) (75% sure)",
                 "120 beats per minute", "major", "minor"):  # fmt: skip
        assert word in text


def test_path_and_curves_follow_the_timeline() -> None:
    analysis = sample(seconds=30.0)
    plane, _, _, curves, _ = plot.draw(analysis).axes
    lines = [c for c in plane.collections if isinstance(c, LineCollection)]
    (path,) = (line for line in lines if line.get_array() is not None)
    sounding = [m for m in analysis.timeline if m.valence and m.arousal]
    assert len(path.get_segments()) == len(sounding) - 1
    valence, arousal, tension = (line.get_ydata() for line in curves.lines[:3])
    np.testing.assert_allclose(valence[1:-1], [m.valence.value for m in analysis.timeline])  # type: ignore[union-attr]
    np.testing.assert_allclose(tension[1:-1], [m.tension.value for m in analysis.timeline])  # type: ignore[union-attr]
    assert np.isnan(arousal[2])
    assert curves.get_xlim() == (0, 30)


@pytest.mark.parametrize("scale", [Scale(-1, 1), Scale(0, 1), Scale(1, 9)])
def test_axes_span_the_scale(scale: Scale) -> None:
    plane, emotions, _, curves, _ = plot.draw(sample().on(scale)).axes
    assert plane.get_xlim() == plane.get_ylim() == curves.get_ylim() == (scale.low, scale.high)
    assert emotions.get_xlim() == (0, 1)


def test_emotions_are_bars_with_intervals() -> None:
    emotions = plot.draw(sample()).axes[1]
    assert [label.get_text() for label in emotions.get_yticklabels()] == list(sample().emotions)  # type: ignore[arg-type]
    assert [bar.get_width() for bar in emotions.patches] == [0.5, 0.375, 0.125, 0.125, 0.125]  # type: ignore[attr-defined]
    (lines,) = emotions.collections
    assert tuple(lines.get_paths()[0].vertices[:, 0]) == (0.375, 0.625)  # type: ignore[index, call-overload]


def test_roots_stand_in_the_order_of_fifths_around_the_key() -> None:
    labels = ("Eb:maj", "Bb:maj", "F:min", "C:min", "G:7", "N")
    chords = tuple(ChordSpan(label, i, i + 1) for i, label in enumerate(labels))
    harmony = plot.draw(sample(seconds=6.0, key="C minor", chords=chords)).axes[4]
    assert [t.get_text() for t in harmony.get_yticklabels()] == ["Eb", "Bb", "F", "C", "G"]
    assert sum(len(c.get_paths()) for c in harmony.collections) == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"chords": (), "key": None, "key_confidence": None},
        {"timeline": ()},
        {"seconds": 2.0},
        {"seconds": 8000.0},
        {"tempo": None, "familiarity": None},
        {"tension": None, "emotions": None, "sounds_like": None},
        {"familiarity": 0.01},
        {"chords": (ChordSpan("N", 0, 12),)},
    ],
    ids=str,
)
def test_lacking_and_extreme_parts_are_drawn(tmp_path: Path, changes: dict[str, object]) -> None:
    plot.save(sample(**changes), tmp_path / "a.png")  # type: ignore[arg-type]
    assert (tmp_path / "a.png").stat().st_size > 3_000


def test_many_facts_stay_on_the_page_and_above_the_plane() -> None:
    headline = "between happy and excited and calm, unsure (pleasant)"
    key = "Bb minor (harmonic minor)"
    figure = plot.draw(sample(headline=headline, key=key, familiarity=0.0, seconds=4000.0))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    title, facts = (text.get_window_extent(canvas.get_renderer()) for text in figure.texts)
    assert facts.x1 < figure.bbox.width
    assert facts.y1 < title.y0
    assert facts.y0 > figure.axes[0].get_legend().get_window_extent().y1  # type: ignore[union-attr]


def test_silence_is_said_not_drawn() -> None:
    figure = plot.draw(silence())
    assert "nothing sounds" in words(figure)
    assert figure.axes == []


@pytest.mark.parametrize("name", [r"a$\frac{$.wav", "月の光.wav", "b\udcff.wav", "x" * 250, "a\nb"])
def test_odd_names_can_be_titles(tmp_path: Path, name: str) -> None:
    plot.save(sample(name), tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


def test_full_disk_leaves_nothing_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OutputError, match=r"a\.png: .*No space left.*Free some space"):
        plot.save(sample(), tmp_path / "a.png")
    assert contents(tmp_path) == []


def test_drawing_leaves_pyplot_alone() -> None:
    script = (
        "import sys; from hevner.output import plot; from tests.fakes import contents, sample;"
        "plot.draw(sample()); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
