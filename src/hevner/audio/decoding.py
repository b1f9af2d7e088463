"""What has been decoded of a file, and what was unusual about it.

Conventions
-----------
Times are seconds of decoded audio.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hevner.audio.limits import LONGEST_S
from hevner.result import clock

EARLY_S = 0.3
"""Seconds that may be missing without a word: encoders count what they add before and after."""

MOST_CHANGES = 5
"""Changes of rate or channels that are reported one by one."""

Kind = tuple[int, int, str]
"""Rate in hertz, channels, and type of samples."""


@dataclass
class Decoding:
    """What has been decoded so far, and what was wrong with it."""

    seconds: float = 0.0
    good: int = 0
    bad: int = 0
    run: int = 0
    longest_run: int = 0
    first_bad: float = 0.0
    changes: list[tuple[float, Kind, Kind]] = field(default_factory=list)

    def packet(self, fine: bool) -> None:
        """Count a packet, and how many in a row were fine."""
        if fine:
            self.good += 1
            self.run += 1
            self.longest_run = max(self.longest_run, self.run)
            return
        if not self.bad:
            self.first_bad = self.seconds
        self.bad += 1
        self.run = 0

    def lost(self, seconds: float) -> None:
        """Note that so many seconds are missing here; less than `EARLY_S` may be rounding."""
        if seconds > EARLY_S:
            self.packet(fine=False)

    def change(self, old: Kind, new: Kind) -> None:
        """Note that rate or channels change here; a decoder may change one a frame later."""
        if self.changes and self.seconds - self.changes[-1][0] < 0.2:
            old = self.changes.pop()[1]
        if old[:2] != new[:2]:
            self.changes.append((self.seconds, old, new))

    def remarks(self, promised: float) -> list[str]:
        """Sentences on what was unusual in what was decoded."""
        found = [_change(*one) for one in self.changes[:MOST_CHANGES]]
        if len(self.changes) > MOST_CHANGES:
            found[-1] += f", and {len(self.changes) - MOST_CHANGES} times more"
        if self.bad:
            places = "a damaged place was" if self.bad == 1 else f"{self.bad} damaged places were"
            found.append(f"{places} left out, the first near {self.first_bad:.1f} s")
        if self.seconds >= LONGEST_S:
            found.append(f"only the first {clock(LONGEST_S)} of the file were read")
        elif promised - self.seconds > EARLY_S:
            found.append(
                f"the file ends early: {self.seconds:.1f} of {promised:.1f} s could be read"
            )
        if promised and self.seconds > 1.01 * promised + 1:
            found.append(
                f"the file is longer than its header says: {self.seconds:.1f} s instead of "
                f"{promised:.1f} s"
            )
        return found


def _change(seconds: float, old: Kind, new: Kind) -> str:
    rate = f"the sample rate changes from {old[0]} to {new[0]} Hz"
    channels = f"the number of channels changes from {old[1]} to {new[1]}"
    changed = [text for at, text in enumerate((rate, channels)) if old[at] != new[at]]
    return f"{' and '.join(changed)} at {seconds:.1f} s"
