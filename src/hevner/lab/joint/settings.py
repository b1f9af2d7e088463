"""What decides a network of the joint space and its training, besides its rows.

Conventions
-----------
Plain values, so that a recipe can hold them. The defaults are the repaired ones; what the paper
does is said of each. Defects are numbered as in ``papers/composite_loss/README.md``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args, get_type_hints

from hevner.errors import DataError
from hevner.lab.joint.losses import Reduction
from hevner.lab.joint.scoring import Correlated

Variant = Literal["as_published", "repaired"]
Hearing = Literal["summary", "sequence"]
Correlation = Literal["reference", "batch", "dcca", "layer"]

WEIGHTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of the correlated distance to choose from."""


@dataclass(frozen=True)
class Settings:
    """Settings of a network.

    Attributes
    ----------
    variant
        "as_published" has the layers of the paper and hears emotions as they are; "repaired" the
        branches of `hevner.lab.joint.networks.repaired`, which hear standard units.
    standard_units
        Whether music is heard in standard units; not so in the paper, whose vectors are all VGGish.
    hears
        Of emotions that are curves: "summary" gives the repaired branch their `Emotions.told`, and
        "sequence" their moments. The published branch hears moments.
    size
        D, the dimensions of the space; 1024 in the paper.
    width
        Of hidden layers, or of the state of a GRU; 512 in the paper, other layers in proportion.
    moments
        How many moments of a curve are heard; 0 for all, as in the paper.
    weight
        Share of the correlation loss (lambda of the paper, .5); 0 leaves the divergence alone. In
        distances, members choose among `WEIGHTS` unless it is 0 or 1.
    correlation
        Centring of the CCA loss: "reference" along dimensions (D2) or "batch"; "dcca" for the sum
        of canonical correlations, "layer" for ranking by cosine behind a CCA layer.
    reduction
        Of the ranking loss; the paper takes the "sum" (D16).
    balanced
        Whether both losses are divided by their first size (D16), and both distances by their
        spread over the training rows.
    margin, pull
        Of the ranking loss: 1 and 1e-3 in the paper.
    nearest
        Least distance of the emotions of two negatives, as `Emotions.place` measures it; 0 takes
        all others, as the paper does (D16).
    likeness
        Weight of EmoSim beside the other losses; 0 in the paper.
    linear
        Whether the heads of the repaired branches hear vectors beside the hidden layer.
    dropout
        Share of hidden values; never active in the paper (D3).
    noise, emotion_noise
        Standard deviation of noise added to what is heard, in standard units; none in the paper.
    flattened
        Share of the steps in which emotions are told as a point alone; 0 in the paper.
    learning_rate, weight_decay
        Of AdamW; Adam at 1e-5 in the paper.
    batch
        Rows in a step, 512 in the paper; 0 for all.
    steps
        At most so many.
    members
        How many networks are trained, each without its share of the groups; see
        `hevner.lab.joint.fit`. 0 trains one on all rows to the last step (D15).
    correlated
        Distance of canonical variates, "published" or "likelihood"; see
        `hevner.lab.joint.scoring`.
    least_correlation
        From which on a pair of canonical variates counts; .4 in the paper.

    Raises
    ------
    DataError
        If a choice is unknown or a number out of range.
    """

    variant: Variant = "repaired"
    standard_units: bool = True
    hears: Hearing = "summary"
    size: int = 16
    width: int = 32
    moments: int = 0
    weight: float = 0.5
    correlation: Correlation = "batch"
    reduction: Reduction = "mean"
    balanced: bool = True
    margin: float = 1.0
    pull: float = 1e-3
    nearest: float = 0.0
    likeness: float = 0.0
    linear: bool = False
    dropout: float = 0.3
    noise: float = 1.0
    emotion_noise: float = 0.2
    flattened: float = 0.0
    learning_rate: float = 1e-2
    weight_decay: float = 0.2
    batch: int = 128
    steps: int = 160
    members: int = 3
    correlated: Correlated = "likelihood"
    least_correlation: float = 0.3

    def __post_init__(self) -> None:
        choices = get_type_hints(Settings)
        for name, value in asdict(self).items():
            known = get_args(choices[name])
            if isinstance(value, str) and value not in known:
                raise _unfit(name, value, f"one of {', '.join(known)}")
            if not isinstance(value, str) and value < 0:
                raise _unfit(name, value, "a number of at least 0")
        for name in ("size", "width", "learning_rate", "steps"):
            if not getattr(self, name) > 0:
                raise _unfit(name, getattr(self, name), "a positive number")
        for name in ("weight", "dropout", "flattened"):
            if getattr(self, name) > 1:
                raise _unfit(name, getattr(self, name), "a share in [0, 1]")
        if self.members == 1:
            raise _unfit("members", 1, "0 for one network on all rows, or at least 2")


def _unfit(name: str, value: object, wanted: str) -> DataError:
    return DataError(f"{name} is {value!r}", subject="settings", remedy=f"Give {wanted}")
