"""Networks that put music and emotions into one space. Need torch.

`published` has the branches of Takashima et al. (2023), `repaired` those hevner trains; a
`JointNetwork` has one for music and one for emotions.
"""

from __future__ import annotations

from hevner.lab.joint.networks.encoded import Encoded
from hevner.lab.joint.networks.network import Branch, JointNetwork, Projections
from hevner.lab.joint.networks.published import PublishedSequence, PublishedVector
from hevner.lab.joint.networks.repaired import SequenceBranch, VectorBranch, summary

__all__ = [
    "Branch",
    "Encoded",
    "JointNetwork",
    "Projections",
    "PublishedSequence",
    "PublishedVector",
    "SequenceBranch",
    "VectorBranch",
    "summary",
]
