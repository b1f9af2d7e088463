"""Names and checksums of the trained weights that come with the package.

Standard library only: the build reads this file before the package can be imported.
"""

from __future__ import annotations

WEIGHTS_FOLDER = "musicnn_weights"  # inside hevner/encoders; filled by the build, ignored by git
# Checkpoint in the published wheel -> converted file and its SHA-256.
MUSICNN = {
    "MSD_musicnn": (
        "msd_musicnn.onnx",
        "0c830da7d4b8cae8be5773569498129f43516cceb3e8f5b4ed35bfb57e687021",
    ),
    "MTT_musicnn": (
        "mtt_musicnn.onnx",
        "77ab8328dad088e8c1167fdb90c19e502682fdec0900de5b69fc75eee7ee7165",
    ),
}
