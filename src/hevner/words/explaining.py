"""Explanations as text: musical terms in words, contributions as lines.

Conventions
-----------
The standard library only. Numbers are on the scale of the analysis.
"""

from __future__ import annotations

from collections.abc import Callable

from hevner.emotion import Scale
from hevner.explanation import OTHER
from hevner.result import Analysis, Moment, clock

TERMS: dict[str, tuple[str, str, str]] = {
    "mode": ("mode", "minor", "major"),
    "dissonance": ("dissonance", "consonant", "dissonant"),
    "pace": ("tempo and density", "slow, sparse", "fast, dense"),
    "dynamics": ("loudness changes", "even loudness", "strong accents and gaps"),
    "loudness": ("loudness over time", "long soft passages", "steadily loud"),
    "brightness": ("brightness", "dark", "bright"),
    "articulation": ("articulation", "soft, legato", "sharp attack, detached"),
    "register": ("register", "low", "high"),
    "roughness": ("noise and percussion", "smooth", "noisy, percussive"),
    OTHER: ("timbre and everything else", "", ""),
}
"""Label of each term, and what music below and above the average is called."""

NEAR = 0.3
"""Standard deviations from the average within which a term is called neither."""

SMALL = 0.005
"""Share of the scale's half below which contributions are not listed."""

MOMENTS = 3
"""Number of moments that are listed."""

APART_S = 15.0
"""Seconds between moments of one reading that are listed."""

NONE = "0.00"
"""A contribution that is not worth a line."""

NOTHING = "There is no explanation: none lies beside the model, or a correction was applied."


def phrase(term: str, music: float) -> str:
    """A term of a piece in words: ``mode: minor``, with "somewhat" near the average."""
    label, low, high = TERMS.get(term, (term, "below average", "above average"))
    if not low:
        return label
    word = "about average" if abs(music) < NEAR else high if music > 0 else low
    return f"{label}: {'clearly ' if abs(music) > 1.5 else ''}{word}"


def lines(analysis: Analysis) -> list[str]:
    """An explained analysis as lines: each reading, and the moments that differ most."""
    why = analysis.explanation
    if why is None:
        return ["There is nothing to explain." if not analysis.estimates() else NOTHING]
    scale = Scale.parse(analysis.scale)
    unit = (scale.high - scale.low) / 2
    found = []
    for name, estimate in analysis.estimates().items():
        if (one := why.readings.get(name)) is None:
            continue
        found.append(
            f"{name} {estimate.value:.2f}: {_signed(estimate.value - one.average)} "
            f"against music in general ({round(one.average, 2) + 0.0:.2f})"
        )
        found += _listed(one.terms, unit, lambda term: phrase(term, why.music.get(term, 0.0)))
    if why.similar_to:
        found.append(f"It sounds most like {why.similar_to}.")
    return found + _moments(analysis)


def _listed(terms: dict[str, float], unit: float, name: Callable[[str], str]) -> list[str]:
    """Contributions, the largest first and what is left at last; small ones in one line."""
    named = {term: added for term, added in terms.items() if term != OTHER}
    large = {term: added for term, added in named.items() if abs(added) >= SMALL * unit}
    order = sorted(large, key=lambda term: -abs(large[term]))
    found = [f"  {_signed(large[term]):>5}  {name(term)}" for term in order]
    small = [term for term in named if term not in large]
    if (rest := _signed(sum(named[term] for term in small))) != NONE:
        labels = ", ".join(TERMS.get(term, (term,))[0] for term in small)
        found.append(f"  {rest:>5}  {labels}")
    return [*found, f"  {_signed(terms[OTHER]):>5}  {TERMS[OTHER][0]}"]


def _moments(analysis: Analysis) -> list[str]:
    """The moments that differ most from the piece, in order, each with its strongest term."""
    assert analysis.explanation is not None
    found = [
        (abs(sum(terms.values())), name, moment, terms)
        for moment, readings in zip(analysis.timeline, analysis.explanation.timeline, strict=True)
        for name, terms in readings.items()
    ]
    chosen: list[tuple[float, str, Moment, dict[str, float]]] = []
    for one in sorted(found, key=lambda one: -one[0]):
        near = [o for o in chosen if o[1] == one[1] and abs(o[2].start - one[2].start) < APART_S]
        if len(chosen) < MOMENTS and not near:
            chosen.append(one)
    return [
        f"{clock(moment.start)}-{clock(moment.end)}: {name} {_signed(sum(terms.values()))} "
        f"against the piece: {_strongest(terms)}{TERMS[OTHER][0]} {_signed(terms[OTHER])}"
        for _, name, moment, terms in sorted(chosen, key=lambda one: one[2].start)
    ]


def _strongest(terms: dict[str, float]) -> str:
    """The two terms that add most to a moment, if anything, each followed by a comma."""
    visible = (term for term in terms if term != OTHER and _signed(terms[term]) != NONE)
    named = sorted(visible, key=lambda term: -abs(terms[term]))
    return "".join(f"{TERMS.get(t, (t,))[0]} {_signed(terms[t])}, " for t in named[:2])


def _signed(value: float) -> str:
    """Two decimals with a sign, none for zero."""
    rounded = round(value, 2)
    return f"{rounded:+.2f}" if rounded else NONE
