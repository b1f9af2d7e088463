"""Settings of a training run of the unified model.

Conventions
-----------
The defaults are those of Kang and Herremans (2025), section 6 of the specification, but for the
sampling.
"""

from __future__ import annotations

from typing import Literal

from hevner.lab.recipe_types import Count, NonNegative, Number, Positive, Section, Share

Distillation = Literal["as_published", "repaired", "none"]
Sampling = Literal["as_published", "balanced"]


class TrainingSettings(Section, frozen=True, kw_only=True):
    """Settings of a training run.

    Attributes
    ----------
    learning_rate
        Constant learning rate of AdamW.
    weight_decay
        Weight decay of AdamW, which without it is Adam.
    batch
        Rows of each dataset per step.
    epochs
        Largest number of epochs.
    patience
        Epochs without gain after which training ends.
    minimum_gain
        Fall of the validation loss that counts as a gain.
    gradient_norm
        Longer gradients are shortened to this; None leaves them as they are.
    noise
        Standard deviation of Gaussian noise that is added to the embedding in training.
    distillation
        How teachers are used; see `hevner.lab.unified.losses`.
    distillation_weight
        Share of distillation in the loss of a row with label and teacher.
    temperature
        Temperature of the distillation.
    tag_weights
        "as_published" weighs tags by their frequency in the training rows; "none" does not.
    sampling
        How rows are drawn; see `hevner.lab.unified.sampling`.
    seed
        Decides the order of the rows, the dropout and the noise; not a key of recipes.
    precision
        "32", or "bf16" for mixed precision on a GPU.
    """

    derived = ("seed",)

    learning_rate: Positive = 1e-4
    weight_decay: NonNegative = 0.0
    batch: Count = 8
    epochs: Count = 500
    patience: Count = 10
    minimum_gain: Number = 1e-4
    gradient_norm: Positive | None = None
    noise: NonNegative = 0.0
    distillation: Distillation = "none"
    distillation_weight: Share = 0.8
    temperature: Positive = 1.0
    tag_weights: Literal["as_published", "none"] = "none"
    sampling: Sampling = "balanced"
    seed: int = 1
    precision: Literal["32", "bf16"] = "32"
