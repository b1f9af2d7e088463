"""Settings of a network of the joint space and of its training.

Conventions
-----------
The defaults are the repaired ones; each attribute says where the paper differs. Defects are
numbered as in ``papers/composite_loss/README.md``.
"""

from __future__ import annotations

from typing import Literal

from hevner.lab.recipe_types import Count, NonNegative, Positive, RecipeError, Section, Share, Whole

Variant = Literal["as_published", "repaired"]
EmotionInput = Literal["summary", "sequence"]
Correlation = Literal["reference", "batch", "dcca", "layer"]
Reduction = Literal["sum", "mean"]
Correlated = Literal["published", "likelihood"]

WEIGHTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of the correlated distance to choose from."""


class NetworkSettings(Section, frozen=True, kw_only=True):
    """Settings of a network.

    Attributes
    ----------
    variant
        "as_published" has the layers of the paper and reads emotions as they are; "repaired" has
        the branches of `hevner.lab.joint.networks.repaired`, which read standard units.
    standard_units
        Whether music is in standard units; not so in the paper, whose vectors are all VGGish.
    hears
        Input for emotions that are curves: "summary" gives the repaired branch a summary vector,
        "sequence" the points of the curve. The published branch reads points.
    size
        D, the dimensions of the space; 1024 in the paper.
    width
        Size of hidden layers, or of the state of a GRU; 512 in the paper, other layers in
        proportion.
    moments
        How many points of a curve are read; 0 for all, as in the paper.
    weight
        Share of the correlation loss (lambda of the paper, .5); 0 leaves the divergence alone. In
        distances, members choose among `WEIGHTS` unless it is 0 or 1.
    correlation
        Centring of the CCA loss: "reference" along dimensions (D2) or "batch"; "dcca" for the sum
        of canonical correlations, "layer" for ranking by cosine behind a CCA layer.
    reduction
        Reduction of the ranking loss; the paper takes the "sum" (D16).
    balanced
        Whether both losses are divided by their first size (D16), and both distances by their
        spread over the training rows.
    margin, pull
        Margin of the ranking loss and weight of its pull: 1 and 1e-3 in the paper.
    nearest
        Least distance of the emotions of two negatives; 0 takes all others, as the paper does
        (D16).
    likeness
        Weight of EmoSim beside the other losses; 0 in the paper.
    linear
        Whether the heads of the repaired branches read vectors beside the hidden layer.
    dropout
        Share of hidden values that are left out in training; never active in the paper (D3).
    noise, emotion_noise
        Standard deviation of noise that is added to music and emotions in training, in standard
        units; none in the paper.
    flattened
        Share of the steps in which emotions are given as a point alone; 0 in the paper.
    learning_rate, weight_decay
        Settings of AdamW; Adam at 1e-5 in the paper.
    batch
        Rows in a step, 512 in the paper; 0 for all.
    steps
        Largest number of steps.
    members
        How many networks are trained, each without its share of the groups; see
        `hevner.lab.joint.fit`. 0 trains one on all rows to the last step (D15).
    correlated
        Distance of canonical variates, "published" or "likelihood"; see
        `hevner.lab.joint.scoring`.
    least_correlation
        Least correlation of a pair of canonical variates that counts; .4 in the paper.
    """

    variant: Variant = "repaired"
    standard_units: bool = True
    hears: EmotionInput = "summary"
    size: Count = 16
    width: Count = 32
    moments: Whole = 0
    weight: Share = 0.5
    correlation: Correlation = "batch"
    reduction: Reduction = "mean"
    balanced: bool = True
    margin: NonNegative = 1.0
    pull: NonNegative = 1e-3
    nearest: NonNegative = 0.0
    likeness: NonNegative = 0.0
    linear: bool = False
    dropout: Share = 0.3
    noise: NonNegative = 1.0
    emotion_noise: NonNegative = 0.2
    flattened: Share = 0.0
    learning_rate: Positive = 1e-2
    weight_decay: NonNegative = 0.2
    batch: Whole = 128
    steps: Count = 160
    members: Whole = 3
    correlated: Correlated = "likelihood"
    least_correlation: Share = 0.3

    def __post_init__(self) -> None:
        if self.members == 1:
            raise RecipeError(
                "out_of_range", ("members",), "is 1",
                "Give 0 for one network on all rows, or at least 2",
            )  # fmt: skip
