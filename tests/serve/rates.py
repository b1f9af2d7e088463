"""Sample rates that tell a fake worker what to do."""

from __future__ import annotations

SLOW, CRASHING, GREEDY, FAULTY = 8_000, 11_025, 22_050, 32_000
"""It takes for ever, ends, wants all memory, or has a fault."""
