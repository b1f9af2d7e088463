"""Tempo, meter, beats and downbeats of a recording.

Conventions
-----------
Times are seconds, tempo is in beats per minute; the beat is a quarter note, in 6/8 a dotted one.
In 7/8, beats are where its groups of two and three begin. Inside, time is counted in steps of
`hevner.music.onsets`.

The network gives the probability of every tempo, of each meter at that tempo, and of a beat and a
downbeat at every step. With tempo and meter known, the best sequence of bars is found exactly: a
bar is as good as the probabilities at its beats, and may be somewhat longer or shorter than usual.
Which beats begin a bar of four is decided once more, from all beats of the recording together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Floats, Integers, Mask
from hevner.music import rhythm_network as network
from hevner.music import tempo_level
from hevner.music.onsets import BANDS, RATE

Seconds = NDArray[np.float64]

SHORTEST_S = 2.0
WHOLE_S, WINDOW_S = 40.0, 10.0
"""Windows in which the tempo of the whole is found, and those that follow its changes."""

BRIEF_S, NUDGES = 15.0, (-2, -1, 0, 1, 2)
"""What is not longer is heard at five speeds, steps of the grid of tempi apart: there is little
else to average over."""

CANDIDATES = 4
FLUTTER = 0.8
"""Autocorrelation within a tenth of a second that no music reaches."""

NOTHING = 0.6
"""Probability of no pulse above which there is none; on validation pieces it stays below 0.01 where
there is a pulse, and lies above 0.6 for all but one of 23 without."""

LEAST = 0.02
"""Candidates below this probability are not named."""

BARS: dict[str, tuple[float, tuple[tuple[float, ...], ...]]] = {
    "2/4": (2, ((0, 1),)),
    "3/4": (3, ((0, 1, 2),)),
    "4/4": (4, ((0, 1, 2, 3),)),
    "5/4": (5, ((0, 1, 2, 3, 4),)),
    "6/8": (2, ((0, 1),)),
    "7/8": (3.5, ((0, 1, 2), (0, 1.5, 2.5), (0, 1, 2.5))),
}
"""Length of a bar in beats, and where beats may lie."""

_NEAR = 2  # steps of the grid of tempi, 4 %
_LOYALTY = 2.0  # log-odds for the tempo of the whole
_CHANGE = 4.0  # log-odds that a change of tempo costs
_STRETCH = np.linspace(-0.1, 0.1, 13)
_BLUR = np.float32(0.3)
_STIFFNESS = 150.0
_FEWEST = 3  # bars that measure tempo better than the grid


@dataclass(frozen=True)
class Rhythm:
    """What was found; all is empty or None where there is no pulse.

    ``candidates`` are pairs of tempo and probability, the most probable first.
    """

    tempo: float | None = None
    candidates: tuple[tuple[float, float], ...] = ()
    meter: str | None = None
    beats: tuple[float, ...] = ()
    downbeats: tuple[float, ...] = ()


def analyse(
    inputs: Floats,
    model: network.Network | None = None,
    preference: tempo_level.Preference = tempo_level.PREFERENCE,
) -> Rhythm:
    """Find the rhythm in what `hevner.music.onsets.inputs` gives for a whole recording.

    ``model`` is the network that ships with hevner if None.
    """
    if len(inputs) < SHORTEST_S * RATE or _flutters(inputs):
        return Rhythm()
    model = model or network.load()
    channels = model.steps(inputs)
    odds, nothing = whole(inputs, channels, model)
    if nothing > NOTHING:
        return Rhythm()
    candidates = _candidates(_softmax(preference.apply(odds, inputs)))
    best = _nearest(candidates[0][0])
    middles, odds, meters = _windows(model, channels, WINDOW_S)
    places = _tempo_path(np.log(_softmax(odds[:, :-1]) + 1e-6), best)
    kinds = sum(_softmax(meters[k, place]) for k, place in enumerate(places))
    meter = network.METERS[int(np.argmax(kinds))]
    periods = np.interp(np.arange(len(channels)), middles, 60 * RATE / network.TEMPI[places])
    beats, downbeats = _bars(channels[:, :2], periods, meter)
    if meter == "4/4":
        steps = np.round(beats * RATE).astype(np.int64)
        downbeats = beats[_phase(model.firsts(network.at_beats(inputs, channels, steps))) :: 4]
    tempo = _refined(candidates[0][0], downbeats, BARS[meter][0])
    named = ((round(tempo, 1), candidates[0][1]), *candidates[1:])
    return Rhythm(round(tempo, 1), named, meter, _rounded(beats), _rounded(downbeats))


def whole(inputs: Floats, channels: Floats, model: network.Network) -> tuple[Floats, float]:
    """Log-odds of the tempi of a whole recording ``(103,)``, and the probability of none."""
    if len(inputs) > BRIEF_S * RATE:
        shares = _softmax(_windows(model, channels, WHOLE_S)[1])
    else:
        rows = []
        for steps in NUDGES:
            nudged = _faster(inputs, (network.TEMPI[1] / network.TEMPI[0]) ** steps)
            row = _softmax(model.tempi(model.steps(nudged) if steps else channels)[0])
            rows.append(np.append(np.roll(np.pad(row[:-1], 2, mode="edge"), -steps)[2:-2], row[-1]))
        shares = np.stack(rows)
    # What every window allows is likelier than what some of them are sure of.
    return np.log(shares[:, :-1] + 1e-3).mean(axis=0), float(shares[:, -1].mean())


def _faster(inputs: Floats, factor: float) -> Floats:
    """The same recording, played faster by a factor."""
    count = int(len(inputs) / factor)

    def read(rows: Floats, number: int) -> Floats:
        places, known = np.arange(number) * factor, np.arange(len(rows))
        return np.stack([np.interp(places, known, one) for one in rows.T], axis=1)

    frames = read(inputs[:, : 2 * BANDS].reshape(-1, BANDS), 2 * count)
    changes = read(inputs[:, 2 * BANDS :], count)
    return np.concatenate([frames.reshape(count, -1), changes], axis=1, dtype=np.float32)


def _flutters(inputs: Floats) -> bool:
    """Whether nothing rises, or rises come back more than ten times a second, as in a hum."""
    rise = np.expm1(inputs[:, : 2 * BANDS]).reshape(-1, BANDS).sum(axis=1)
    rise -= rise.mean()
    power = float(rise @ rise)
    again = max(float(rise[lag:] @ rise[:-lag]) for lag in range(2, 7))
    return again >= FLUTTER * power


def _windows(
    model: network.Network, channels: Floats, seconds: float
) -> tuple[Seconds, Floats, Floats]:
    """Middles of windows in steps, and what the network predicts for each."""
    length = min(int(seconds * RATE), len(channels))
    starts = np.linspace(
        0, len(channels) - length, 1 + -(-2 * (len(channels) - length) // length)
    ).astype(int)
    found = [model.tempi(channels[start : start + length]) for start in starts]
    return (
        starts + length / 2,
        np.stack([one[0] for one in found]),
        np.stack([one[1] for one in found]),
    )


def _candidates(shares: Floats) -> tuple[tuple[float, float], ...]:
    """Tempi at the peaks, with the probability of what lies within 4 per cent."""
    left = shares.copy()
    found: list[tuple[float, float]] = []
    mass = np.convolve(shares, np.ones(2 * _NEAR + 1), "same")
    while len(found) < CANDIDATES:
        peak = int(np.argmax(np.where(left > 0, mass, 0)))
        near = slice(max(peak - _NEAR, 0), peak + _NEAR + 1)
        share = float(left[near].sum())
        if found and share < LEAST:
            break
        weights = shares[near] / shares[near].sum()
        tempo = float(np.exp(weights @ np.log(network.TEMPI[near])))
        found.append((round(tempo, 1), round(share, 4)))
        left[max(peak - 2 * _NEAR, 0) : peak + 2 * _NEAR + 1] = 0
        if not left.any():
            break
    return tuple(found)


def _nearest(tempo: float) -> int:
    return int(np.argmin(np.abs(np.log(network.TEMPI / tempo))))


def _tempo_path(odds: Floats, best: int) -> Integers:
    """Place on the grid for every window; changes are rare, the tempo of the whole is likelier."""
    grid = np.arange(odds.shape[1])
    odds = odds + np.where(np.abs(grid - best) <= _NEAR, _LOYALTY, 0.0)
    cost = np.minimum(np.maximum(np.abs(grid[:, None] - grid[None, :]) - 1, 0) * 1.0, _CHANGE)
    score, back = odds[0], []
    for row in odds[1:]:
        each = score[:, None] - cost
        back.append(each.argmax(axis=0))
        score = each.max(axis=0) + row
    path = [int(score.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return np.array(path[::-1])


def _bars(odds: Floats, periods: Seconds, meter: str) -> tuple[Seconds, Seconds]:
    """Times of beats and downbeats, in seconds."""
    length, templates = BARS[meter]
    longest = int(np.ceil(length * periods.max() * 1.2)) + 2
    # Beyond the ends a bar counts nothing, so that all sequences are compared fairly.
    padded = np.pad(_widened(odds - odds.mean(axis=0)), ((longest, longest), (0, 0)))
    bars = np.pad(periods * length, longest, mode="edge")
    best: tuple[float, Integers, tuple[float, ...]] | None = None
    for template in templates:
        score, path = _best_bars(padded, bars, np.array(template) / length)
        if best is None or score > best[0]:
            best = (score, path, template)
    assert best is not None
    _, path, template = best
    spans = np.diff(path)
    inner = path[:-1, None] + spans[:, None] * np.array(template) / length
    beats = (
        _peaks(np.pad(odds[:, 0], longest, constant_values=-9), np.append(inner.ravel(), path[-1]))
        - longest
    )
    downbeats = beats[:: len(template)]
    kept = _sounding(odds[:, 0], beats)
    inside = kept[:: len(template)]
    return beats[kept] / RATE, downbeats[inside] / RATE


def _phase(odds: Floats) -> int:
    """Which of the first four beats begins a bar, from log-odds at all beats."""
    return int(np.argmax([odds[k::4].sum() for k in range(min(4, len(odds)))]))


def _widened(odds: Floats) -> Floats:
    """Peaks reach one step further, since lengths of bars are tried in steps of about two."""
    edges = np.pad(odds, ((1, 1), (0, 0)), mode="edge")
    return np.maximum(odds, np.maximum(edges[:-2], edges[2:]) - _BLUR)


def _best_bars(odds: Floats, bars: Seconds, template: Seconds) -> tuple[float, Integers]:
    """The best sequence of bars: total and starts, the last one the end of the last bar."""
    count = len(odds)
    spans = np.maximum(np.round(bars[:, None] * (1 + _STRETCH)), 1).astype(np.int64)
    cost = _STIFFNESS * np.log(spans / bars[:, None]) ** 2 * len(template)
    gain = np.repeat(odds[:, 1:2], spans.shape[1], axis=1)
    for place in template:
        at = np.arange(count)[:, None] + np.round(spans * place).astype(np.int64)
        gain = gain + odds[np.minimum(at, count - 1), 0]
    # Backwards: the best that can follow a bar that starts here.
    rest = np.zeros(count + int(spans.max()) + 1)
    choice = np.zeros(count, np.int64)
    gain -= cost
    for now in range(count - 1, -1, -1):
        ends = now + spans[now]
        if ends[-1] >= count:
            continue
        total = gain[now] + rest[ends]
        choice[now] = best = int(total.argmax())
        rest[now] = total[best]
    first = int(bars[0])
    now = int(np.argmax(rest[:first]))
    path = [now]
    while now + spans[now, -1] < count:
        now += int(spans[now, choice[now]])
        path.append(now)
    if len(path) < 2:
        path.append(path[0] + int(spans[path[0], len(_STRETCH) // 2]))
    return float(rest[:first].max()), np.array(path)


def _peaks(odds: Floats, places: Seconds) -> Seconds:
    """Move places to the peak of the log-odds within two steps, interpolated between steps."""
    near = np.round(places).astype(np.int64)[:, None] + np.arange(-2, 3)
    near = np.clip(near, 1, len(odds) - 2)
    best = near[np.arange(len(near)), odds[near].argmax(axis=1)]
    before, now, after = odds[best - 1], odds[best], odds[best + 1]
    curve = before - 2 * now + after
    shift = np.where(curve < -1e-3, 0.5 * (before - after) / np.minimum(curve, -1e-3), 0)
    weak = now < -3
    return np.where(weak, places, best + np.clip(shift, -0.5, 0.5))


def _sounding(odds: Floats, beats: Seconds) -> Mask:
    """Which beats lie inside: from the one before the first clear one to the last."""
    inside = (beats > -0.5) & (beats < len(odds))
    clear = inside & (odds[np.clip(np.round(beats).astype(int), 0, len(odds) - 1)] > -2)
    if not clear.any():
        return inside
    first, last = np.flatnonzero(clear)[[0, -1]]
    order = np.arange(len(beats))
    return np.asarray(inside & (order >= first - 1) & (order <= last))


def _refined(tempo: float, downbeats: Seconds, length: float) -> float:
    """The tempo of the bars that are about as long as expected."""
    apart = np.diff(downbeats)[1:-1]  # the first and the last beat are less exact
    usual = apart[np.abs(np.log(apart * tempo / 60 / length)) < 0.05]
    enough = len(usual) >= _FEWEST and 2 * len(usual) > len(apart)
    return 60 * length / float(usual.mean()) if enough else tempo


def _softmax(odds: Floats) -> Floats:
    weights = np.exp(odds - odds.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), np.float32)


def _rounded(times: Seconds) -> tuple[float, ...]:
    return tuple(round(max(float(time), 0.0), 3) for time in times)
