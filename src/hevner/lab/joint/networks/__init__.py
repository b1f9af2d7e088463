"""Networks that put music and emotions into one space. Need torch.

`published` builds the networks of Takashima et al. (2023), `repaired` has the branches hevner
trains; both make a `JointNetwork` of a branch for music and a branch for emotions.
"""

from __future__ import annotations

from hevner.lab.joint.networks.encoded import Encoded
from hevner.lab.joint.networks.network import Branch, JointNetwork, Projections
from hevner.lab.joint.networks.published import PublishedSequence, PublishedVector, published
from hevner.lab.joint.networks.repaired import SequenceBranch, SummaryBranch, VectorBranch, summary

__all__ = [
    "Branch",
    "Encoded",
    "JointNetwork",
    "Projections",
    "PublishedSequence",
    "PublishedVector",
    "SequenceBranch",
    "SummaryBranch",
    "VectorBranch",
    "published",
    "summary",
]
