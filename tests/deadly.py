"""Decoding that ends badly: the name of a file says how.

``python -m tests.deadly analyze ...`` is the command line over such a decoder.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hevner.audio import decode, isolated
from hevner.audio.decode import Audio
from hevner.audio.mixdown import Samples
from hevner.errors import AudioError

SILENCE_S = 5.0
"""Seconds for which the decoders may yield nothing: more than they ever need."""

MEMORY_BYTES = 2**30

poisoned = False


def decoders() -> isolated.Decoders:
    """Processes that decode like this."""
    return isolated.Decoders("tests.deadly", SILENCE_S, MEMORY_BYTES)


def main() -> None:
    """Run by the decoding processes."""
    isolated.main(_open)


def _open(path: Path, sample_rate: int) -> Audio:
    global poisoned
    act = path.stem.rstrip("0123456789")
    if poisoned:
        os.kill(os.getpid(), signal.SIGSEGV)
    match act:
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "abort":
            os.abort()
        case "leave":
            os._exit(3)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "bomb":
            np.ones(2**28)
        case "bug":
            raise ZeroDivisionError("a fault of the decoder")
        case "poison":
            poisoned = True  # as a decoder that writes over memory that is not its own
        case "hang":
            path.with_suffix(".begun").touch()
            time.sleep(3600)
        case "missing":
            raise AudioError("a cause", subject=str(path), remedy="A remedy", stage="x", code="y")
    audio = decode.open_audio(path, sample_rate)
    audio.blocks = _blocks(audio.blocks, act, path.with_suffix(".begun"))
    audio.warnings.append(f"decoded by {os.getpid()}")
    return audio


def _blocks(blocks: Iterator[Samples], act: str, begun: Path) -> Iterator[Samples]:
    for block in blocks:
        # Many small ones, more than a pipe holds.
        for part in np.array_split(block, 20):
            os.write(1, b"what a decoder says is no answer\n")
            if act == "slow":
                begun.touch()
                time.sleep(0.1)
            yield part
        if act == "midway":
            os.kill(os.getpid(), signal.SIGSEGV)


if __name__ == "__main__":
    from hevner.cli import main as hevner

    isolated.shared = decoders()
    hevner()
