"""MusiCNN, small tagging networks of the same shape trained on two sets: 200 numbers per 3 s.

`MSD` learned the 50 most frequent Last.fm tags of 200,000 pop and rock songs of the Million Song
Dataset, `MTT` the 50 tags of MagnaTagATune, whose music is more classical, ambient and electronic
and whose tags name instruments, loudness and speed.

Conventions
-----------
Windows are those of `hevner.encoders.mel`: 16 kHz, 187 frames, no padding. The embedding is the
first dense layer before its ReLU, values of about -40 to 40. The tags themselves are not used.

The weights
-----------
They are the authors' own, converted when the package is built (see ``build_hook/graph.py``), and
checked by their checksum when first used. No stored weight is a denormal number, but in 398 of the
561 filters of the front end all weights have decayed below 1e-29, where products with the input can
become denormal and slow; another 76 have too little left to matter. These filters' outputs are
constants, and the conversion folds them away, which is also most of why this form is fast: about
6 ms for 3 s of audio on one core.

References
----------
J. Pons and X. Serra, "musicnn: pre-trained convolutional neural networks for music audio
tagging", late-breaking demo, ISMIR 2019.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hevner.arrays import Floats
from hevner.audio.decode import SAMPLE_RATE
from hevner.encoders.base import EncoderCard
from hevner.encoders.mel import BINS, FRAMES, HOP, WINDOW_SAMPLES, log_mel_of_power, power_spectrum
from hevner.encoders.pinned import MUSICNN, WEIGHTS_FOLDER
from hevner.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime

WEIGHTS = Path(__file__).with_name(WEIGHTS_FOLDER)


def _card(name: str, checkpoint: str, trained_on: str) -> EncoderCard:
    return EncoderCard(
        id=name,
        version=f"1-{MUSICNN[checkpoint][1][:12]}",
        sample_rate=SAMPLE_RATE,
        window_samples=WINDOW_SAMPLES,
        hop_samples=FRAMES * HOP,
        dimension=200,
        licence="ISC",
        commercial_use=True,
        citation=(
            "J. Pons and X. Serra, musicnn: pre-trained convolutional neural networks for music "
            "audio tagging, ISMIR 2019 late-breaking demo"
        ),
        description=f"Tagging network trained on {trained_on}, layer before the tags",
    )


MSD = _card("musicnn", "MSD_musicnn", "the Million Song Dataset")
MTT = _card("musicnn-mtt", "MTT_musicnn", "MagnaTagATune")
_CHECKPOINTS = {MSD.id: "MSD_musicnn", MTT.id: "MTT_musicnn"}


class MusiCNN:
    """The encoder; the module explains its numbers.

    Parameters
    ----------
    card
        `MSD` or `MTT`.

    Notes
    -----
    The network is loaded at first use and shared by all objects of a process, so objects are cheap
    and can be sent to worker processes. It is too small to gain from more than one thread.
    """

    def __init__(self, card: EncoderCard = MSD) -> None:
        self.card = card

    def encode(self, windows: Floats) -> Floats:
        """Return the embedding of windows ``(n, 48128)``, full scale 1, as ``(n, 200)``.

        Raises
        ------
        ModelError
            If the windows have another shape or hold values that are not finite, or the weights
            are missing or damaged.
        """
        return self.encode_power(power_spectrum(windows))

    def encode_power(self, power: Floats) -> Floats:
        """Like `encode`, for a caller that has the power spectrum ``(n, 187, 257)``."""
        return self.run(_log_mel(power))

    def run(self, log_mel: Floats) -> Floats:
        """Return the embedding ``(n, 200)`` of log-mel patches, shape ``(n, 187, 96)``.

        Patches go through one by one: that is as fast, and a vector then does not depend, not
        even in its last digit, on the patches around it.
        """
        session = _session(self.card.id)
        vectors = np.empty((len(log_mel), self.card.dimension), np.float32)
        for row in range(len(log_mel)):
            vectors[row] = session.run(["embedding"], {"log_mel": log_mel[row, None]})[0][0]
        return vectors


def magnatagatune() -> MusiCNN:
    """Return the encoder trained on MagnaTagATune."""
    return MusiCNN(MTT)


def _log_mel(power: Floats) -> Floats:
    if power.ndim != 3 or power.shape[1:] != (FRAMES, BINS):
        raise ModelError(
            f"the power spectrum has the shape {power.shape}, expected (n, {FRAMES}, {BINS})",
            remedy="Compute it with hevner.encoders.mel.power_spectrum",
            stage="encode",
            code="wrong_shape",
        )
    return log_mel_of_power(power)


@lru_cache(maxsize=2)
def _session(name: str) -> onnxruntime.InferenceSession:
    """Load a network, once per process."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Idle threads that spin would take the cores from the rest of the analysis.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        read_weights(name), options, providers=["CPUExecutionProvider"]
    )


def read_weights(name: str, folder: Path = WEIGHTS) -> bytes:
    """Return the bytes of the weights file of the encoder with that id.

    Raises
    ------
    ModelError
        If the file is missing or is not the one this version was made for.
    """
    file, expected = MUSICNN[_CHECKPOINTS[name]]
    path = folder / file
    if not path.is_file():
        raise ModelError(
            "the MusiCNN weights are missing",
            subject=str(path),
            remedy="Install hevner with pip, which fetches them during the build",
            code="weights_missing",
        )
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ModelError(
            f"the MusiCNN weights have the SHA-256 {found}, expected {expected}",
            subject=str(path),
            remedy="Delete the file and install hevner again",
            code="weights_damaged",
        )
    return content
