"""What decides a training run of the unified model, besides its rows and the network.

Conventions
-----------
Plain values, so that a recipe can hold them. The defaults are those of Kang and Herremans (2025),
section 6 of the specification, but for the sampling.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args, get_type_hints

from hevner.errors import DataError
from hevner.lab.unified.losses import Distillation
from hevner.lab.unified.sampling import Sampling


@dataclass(frozen=True)
class Settings:
    """Settings of a run.

    Attributes
    ----------
    learning_rate
        Constant.
    weight_decay
        Of AdamW, which without it is Adam.
    batch
        Rows of each dataset per step.
    epochs
        At most so many.
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
        Of the distillation.
    tag_weights
        "as_published" weighs tags by their frequency in the training rows; "none" does not.
    sampling
        See `hevner.lab.unified.sampling`.
    seed
        Decides the order of the rows, what dropout drops and the noise.
    precision
        "32", or "bf16" for mixed precision on a GPU.

    Raises
    ------
    DataError
        If a choice is unknown or a number out of range.
    """

    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    batch: int = 8
    epochs: int = 500
    patience: int = 10
    minimum_gain: float = 1e-4
    gradient_norm: float | None = None
    noise: float = 0.0
    distillation: Distillation = "none"
    distillation_weight: float = 0.8
    temperature: float = 1.0
    tag_weights: Literal["as_published", "none"] = "none"
    sampling: Sampling = "balanced"
    seed: int = 1
    precision: Literal["32", "bf16"] = "32"

    def __post_init__(self) -> None:
        choices = get_type_hints(Settings)
        for name, value in asdict(self).items():
            known = get_args(choices[name])
            if isinstance(value, str) and value not in known:
                raise _unfit(name, value, f"one of {', '.join(known)}")
        for name in ("learning_rate", "batch", "epochs", "patience", "temperature"):
            if not getattr(self, name) > 0:
                raise _unfit(name, getattr(self, name), "a positive number")
        if not self.noise >= 0:
            raise _unfit("noise", self.noise, "a number of at least 0")
        if not 0 <= self.distillation_weight <= 1:
            raise _unfit("distillation_weight", self.distillation_weight, "a number in [0, 1]")


def _unfit(name: str, value: object, wanted: str) -> DataError:
    return DataError(f"{name} is {value!r}", subject="settings", remedy=f"Give {wanted}")
