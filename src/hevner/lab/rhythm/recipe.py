"""Recipe of the rhythm network."""

from __future__ import annotations

from typing import ClassVar

from hevner.lab.recipe_types import Count, Names, NonNegative, Positive, Recipe, Share, Whole


class RhythmRecipe(Recipe, frozen=True, kw_only=True):
    """Everything that decides the weights.

    Attributes
    ----------
    seed
        Fixes the examples and the order of training.
    examples
        Number of rendered pieces.
    songs, songs_each, songs_share, sure
        Datasets of real songs without beats, how many of each are heard, and their share of the
        examples of a step. The network of a first round names their tempo and beats; a second round
        learns from those whose tempo has at least the probability ``sure``.
    steps, batch
        Training steps of a round, examples per step.
    learning_rate, weight_decay
        Settings of the optimiser.
    channels, free, hidden
        Sizes: channels of the layers, free channels whose autocorrelation is read, hidden values
        for every tempo.
    bar_steps, bar_hidden
        Training steps and hidden values of what decides which beats begin a bar of four.
    tempo_weight, meter_weight
        Weights of the losses beside that for beats.
    """

    mark: ClassVar[str] = "songs_each"

    name: str = "rhythm"
    seed: Whole = 1
    examples: Whole = 2000
    songs: Names = ("quadrants4q", "mirex", "emotify")
    songs_each: Count = 170
    songs_share: Share = 0.15
    sure: Share = 0.6
    steps: Count = 4000
    batch: Count = 16
    learning_rate: Positive = 3e-3
    weight_decay: NonNegative = 1e-3
    channels: Count = 32
    free: Count = 8
    hidden: Count = 32
    bar_steps: Count = 2000
    bar_hidden: Count = 24
    tempo_weight: NonNegative = 0.08
    meter_weight: NonNegative = 0.04
