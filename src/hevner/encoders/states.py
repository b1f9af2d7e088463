"""Which states of large encoders predict emotion best, as published."""

from __future__ import annotations

_PROBES = (
    "Kanatas et al., ISMIR 2026: R2 of probes on EmoMusic, one split and seed, the best state "
    "chosen on the score itself"
)

PUBLISHED = {
    "clap-music": (
        f"16, valence .609 and arousal .771 ({_PROBES}; layer 18 there, where the patch embedding "
        "and the mergers of patches seem to be counted too; which checkpoint is not said)",
    ),
    "jukebox-5b": (
        "36, mean over the window: R2 of a probe on EmoMusic .721 for arousal (Castellon et al., "
        "ISMIR 2021), .570 for valence and .730 for arousal (MARBLE)",
    ),
    "mert-v1-95m": (
        f"valence best at 8 (.563; 5 to 8: .540 to .563; last: .350), arousal .75 to .76 from 3 to "
        f"8 (last: .644), mood tags best at 7 ({_PROBES})",
        "6 and 7 side by side in the unified model (Kang and Herremans, arXiv 2502.03979)",
    ),
    "mert-v1-330m": (
        f"valence .571 and arousal .758 at 10, about as good from 8 to 11; last: .509 and .750 "
        f"({_PROBES})",
    ),
}
"""Published findings, by plain name of the encoder."""
