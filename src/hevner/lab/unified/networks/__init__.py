"""One network for every kind of emotion label, over an embedding, chords and mode. Needs torch.

`UnifiedPublished` has the layers of Kang and Herremans (2025), `UnifiedRepaired` is the network
hevner trains. Both take `Inputs` and give raw outputs by the name of their `Head`.
"""

from __future__ import annotations

from hevner.lab.unified.networks.export import export
from hevner.lab.unified.networks.inputs import Head, Inputs, Network
from hevner.lab.unified.networks.published import (
    PUBLISHED_HEADS,
    TAGS,
    VALENCE_AROUSAL,
    UnifiedPublished,
)
from hevner.lab.unified.networks.repaired import UnifiedRepaired

__all__ = [
    "PUBLISHED_HEADS",
    "TAGS",
    "VALENCE_AROUSAL",
    "Head",
    "Inputs",
    "Network",
    "UnifiedPublished",
    "UnifiedRepaired",
    "export",
]
