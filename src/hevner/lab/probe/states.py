"""What is probed: a dataset, the vectors of an encoder, and the states in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hevner import encoders
from hevner.errors import DataError
from hevner.lab.cross_dataset.recipe import CrossDatasetRecipe, Protocol, Source

ALL, MEAN, MIX, CHOSEN = "all states", "mean of states", "learned mix", "chosen inside"


@dataclass(frozen=True)
class Probe:
    """Dataset, vectors (``block`` of the store) and states that are probed.

    ``states`` are their numbers, in the order in which they lie in a vector, and ``widths`` the
    width of each; or there are no numbers, and one width, which is the number of equal parts. There
    are ``seeds`` cross-validations of ``folds`` parts. ``soundfont`` is that of MIDI files.
    """

    dataset: str
    block: str
    states: tuple[int, ...]
    widths: tuple[int, ...]
    folds: int = 5
    seeds: int = 5
    soundfont: str = ""

    @classmethod
    def of_encoder(
        cls, name: str, dataset: str, *, folds: int = 5, seeds: int = 5, soundfont: str = ""
    ) -> Probe:
        """A probe of the states of an encoder: all of them, or those behind its name.

        An encoder that is not known, or has no states, raises `ModelError`.
        """
        card = encoders.card(name if "+" in name else f"{name}+all")
        widths = tuple(card.states[number] for number in card.chosen)
        return cls(dataset, card.id, card.chosen, widths, folds, seeds, soundfont)

    def parts(self, total: int) -> dict[int, slice]:
        """Where each state lies in vectors of so many numbers.

        Widths that do not add up to that, or do not cut a vector into equal parts, raise
        `DataError`.
        """
        widths = self.widths
        if len(widths) == 1 and not self.states:
            widths = (total // max(widths[0], 1),) * widths[0]
        if sum(widths) != total or min(widths, default=0) < 1:
            raise DataError(
                f"vectors of {total} numbers do not hold states of "
                f"{', '.join(map(str, self.widths))}",
                subject=f"{self.dataset}, {self.block}",
                remedy="Give the width of each state, or how many equal parts there are",
                code="wrong_widths",
            )
        ends = np.cumsum(widths)
        numbers = self.states or range(len(widths))
        return {
            number: slice(int(end) - width, int(end))
            for number, width, end in zip(numbers, widths, ends, strict=True)
        }

    @property
    def datasets(self) -> dict[str, Source]:
        """The dataset, as recipes name them."""
        return {self.dataset: Source()}

    @property
    def blocks(self) -> tuple[str, ...]:
        """The vectors, as recipes name them."""
        return (self.block,)

    @property
    def recipe(self) -> CrossDatasetRecipe:
        """The probe as a study across datasets, with one dataset."""
        protocol = Protocol(
            name="in-domain", datasets=(self.dataset,), representations=self.blocks, models=(),
            seeds=self.seeds,
        )  # fmt: skip
        return CrossDatasetRecipe(
            name="probe", seeds=self.seeds, folds=self.folds, leaks="refuse",
            soundfont=self.soundfont, datasets=self.datasets, models={},
            representations={self.block: self.blocks}, protocols=(protocol,),
        )  # fmt: skip


def systems(states: Sequence[int], *, mixed: bool) -> list[str]:
    """Names of all systems that are scored; a mean and a mix need states of one width."""
    return [*map(state_name, states), ALL, *((MEAN, MIX) if mixed else ()), CHOSEN]


def state_name(state: int | str) -> str:
    """Name of a state in tables."""
    return f"state {state}"
