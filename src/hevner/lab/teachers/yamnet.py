"""YAMNet, a network for the 521 sound classes of AudioSet, six of them moods of music.

Conventions
-----------
The network takes 15,600 samples at 16 kHz (.975 s). A row is the mean over `PER_ROW` consecutive
inputs, so a window is 2.925 s long. A row holds the scores in the order of the class map that comes
with the network, then the embedding; see `SCORES` and `EMBEDDING`.

References
----------
M. Plakal and D. Ellis, "YAMNet", TensorFlow Model Garden, 2020.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hevner.arrays import Floats
from hevner.audio.decode import SAMPLE_RATE
from hevner.encoders.base import EncoderCard, check_windows
from hevner.lab.teachers.weights import read_file, wrong_file

FILE = "yamnet.onnx"
ORIGIN = "YAMNet, as ONNX"

PATCH_SAMPLES = 15_600
PER_ROW = 3
WINDOW_SAMPLES = PER_ROW * PATCH_SAMPLES

CLASSES = 521
DIMENSION = CLASSES + 1024
SCORES = slice(0, CLASSES)
EMBEDDING = slice(CLASSES, DIMENSION)

MOODS = {"happy": 271, "sad": 272, "tender": 273, "exciting": 274, "angry": 275, "scary": 276}
"""Places of the moods of music among the scores."""

OUTPUTS = ("Identity", "yamnet_frames/global_average_pooling2d/Mean")


class YamNet:
    """The teacher, from the folder that holds `FILE`.

    Raises `ModelError` if the file is missing or holds something else.
    """

    def __init__(self, weights: Path) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as states

        path = weights / FILE
        content, version = read_file(path, ORIGIN)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=providers)
        except (states.InvalidProtobuf, states.InvalidArgument, states.Fail) as error:
            raise wrong_file(path, ORIGIN, str(error).splitlines()[0]) from error
        missing = set(OUTPUTS) - {output.name for output in self._session.get_outputs()}
        if missing:
            raise wrong_file(path, ORIGIN, f"no output '{min(missing)}'")
        self.card = EncoderCard(
            id="yamnet",
            version=version,
            sample_rate=SAMPLE_RATE,
            window_samples=WINDOW_SAMPLES,
            hop_samples=WINDOW_SAMPLES,
            dimension=DIMENSION,
            licence="Apache-2.0",
            commercial_use=True,
            citation="M. Plakal and D. Ellis, YAMNet, 2020",
            description="Scores of 521 sound classes, and the layer before them",
        )

    def encode(self, windows: Floats) -> Floats:
        """Rows ``(n, 1545)`` of windows ``(n, WINDOW_SAMPLES)`` at 16 kHz.

        Raises `ModelError` if the windows have another shape or hold values that are not finite.
        """
        windows = check_windows(windows, WINDOW_SAMPLES)
        rows = np.empty((len(windows), DIMENSION), np.float32)
        for window, row in zip(windows, rows, strict=True):
            patches = [self._run(patch) for patch in window.reshape(PER_ROW, 1, PATCH_SAMPLES)]
            row[:] = np.mean(patches, axis=0)
        return rows

    def _run(self, patch: Floats) -> Floats:
        scores, embedding = self._session.run(OUTPUTS, {"input_1": patch})
        return np.concatenate([scores.ravel(), embedding.ravel()])
