"""A worker that decodes for real and makes up the rest; the sample rate of a file says how it goes
(`tests.serve.rates`).
"""

from __future__ import annotations

import os
import time

import numpy as np
import soundfile

from hevner.audio.decode import Audio
from hevner.hits import EmotionWord
from hevner.result import Analysis
from hevner.serve.course import Course
from hevner.serve.worker import main
from tests import fakes
from tests.serve.rates import CRASHING, FAULTY, GREEDY, SLOW


def analyze(audio: Audio) -> tuple[Analysis, list[EmotionWord], Course]:
    """Returns what `tests.fakes` makes up."""
    seconds = sum(map(len, audio.blocks)) / audio.sample_rate
    rate = soundfile.info(audio.source).samplerate
    os.write(1, b"what a decoder says is no answer\n")
    if rate == SLOW:
        time.sleep(3600)
    if rate == CRASHING:
        os._exit(9)
    if rate == GREEDY:
        np.ones(2**40)
    if rate == FAULTY:
        raise ValueError(f"a fault of {audio.source}")
    words = [EmotionWord("calm", "very", 0.9, -2.0, 0.9)]
    return fakes.sample(audio.source, seconds), words, {"emotions": {"joy": [0.5, None]}}


if __name__ == "__main__":
    main(lambda: analyze)
