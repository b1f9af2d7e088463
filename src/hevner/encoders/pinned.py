"""Names and checksums of the trained weights that come with the package.

Standard library only: the build reads this file before the package can be imported.
"""

from __future__ import annotations

WEIGHTS_FOLDER = "weights"  # inside hevner/encoders; filled by the build, ignored by git
MUSICNN_FILE = "msd_musicnn.onnx"
MUSICNN_SHA256 = "0c830da7d4b8cae8be5773569498129f43516cceb3e8f5b4ed35bfb57e687021"
