"""Cut a stream of samples into windows, with one rule for what is left over.

Conventions
-----------
Samples are mono float32. Windows are ``(n, length)`` arrays; the start of a window is counted in
samples from the beginning of the stream.

The tail rule
-------------
Windows start at multiples of ``hop``. At the end of the stream,

- a stream shorter than one window is repeated until it fills one; where windows may be shorter, it
  is one window as long as it is, and repeated up to the shortest length only;
- otherwise, if at least half a hop of samples has not been covered, one last window is taken that
  ends at the last sample; less than that is left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


class Windower:
    """Collects blocks of samples and hands back the windows they complete.

    Parameters
    ----------
    length, hop
        Window length and distance between window starts, in samples.
    shortest
        Fewest samples of the only window of a short stream; 0 stands for `length`.

    Attributes
    ----------
    starts
        Start of every window handed back so far, in samples.
    """

    def __init__(self, length: int, hop: int, shortest: int = 0) -> None:
        if not 0 < hop <= length:
            raise ValueError(f"hop must lie in 1..length={length}, not {hop}")
        if not 0 <= shortest <= length:
            raise ValueError(f"shortest must lie in 0..length={length}, not {shortest}")
        self.length = length
        self.shortest = shortest or length
        self.hop = hop
        self.starts: list[int] = []
        self._pending: Samples = np.zeros(0, np.float32)
        self._pending_start = 0
        self._last: Samples = np.zeros(0, np.float32)

    def push(self, block: Samples) -> Samples:
        """Add samples; return the windows now complete, shape ``(n, length)``."""
        self._last = np.concatenate([self._last, block])[-self.length :]
        buffer = np.concatenate([self._pending, block])
        count = max(0, (len(buffer) - self.length) // self.hop + 1)
        windows = np.zeros((count, self.length), np.float32)
        for row in range(count):
            windows[row] = buffer[row * self.hop : row * self.hop + self.length]
            self.starts.append(self._pending_start + row * self.hop)
        self._pending = buffer[count * self.hop :]
        self._pending_start += count * self.hop
        return windows

    def finish(self) -> Samples:
        """Return the tail, shape ``(0 or 1, length)`` or shorter, by the rule of this module."""
        total = self._pending_start + len(self._pending)
        if total == 0:
            return np.zeros((0, self.length), np.float32)
        if not self.starts:
            self.starts.append(0)
            return np.resize(self._pending, (1, max(total, self.shortest)))
        covered = self.starts[-1] + self.length
        if 2 * (total - covered) < self.hop:
            return np.zeros((0, self.length), np.float32)
        self.starts.append(total - self.length)
        return self._last[None, :]
