"""Networks that put music and emotions into one space. Need torch.

`published` builds the networks of Takashima et al. (2023), `repaired` has the branches hevner
trains; both make a `JointNetwork` of a branch for music and a branch for emotions.
"""

from __future__ import annotations

from hevner.models.joint.encoded import Encoded
from hevner.models.joint.network import Branch, JointNetwork, Projections
from hevner.models.joint.published import PublishedSequence, PublishedVector, published
from hevner.models.joint.repaired import SequenceBranch, SummaryBranch, VectorBranch, summary

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
