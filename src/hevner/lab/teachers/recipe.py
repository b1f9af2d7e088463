"""Recipe of the teacher of tags."""

from __future__ import annotations

from typing import ClassVar

from hevner.lab.recipe_types import Count, NonNegative, Positive, Recipe, Text, Whole


class TagTeacherRecipe(Recipe, frozen=True, kw_only=True):
    """Everything that decides the weights.

    Attributes
    ----------
    seed
        Fixes the first weights and the order of training.
    vectors
        File in the store with mean embeddings of MTG-Jamendo (`hevner.lab.teachers.train_tags`).
    networks
        Number of networks whose mean is the teacher.
    hidden, dropout
        Hidden values of a network, and the share of them that is left out at a step of training.
    batch, epochs, patience
        Tracks per step; most epochs, and how many without a better one end the training.
    learning_rate, weight_decay
        Settings of the optimiser.
    artist_power
        A track counts as its artist's number of tracks raised to minus this power: at 0 all tracks
        count alike, at 1 all artists.
    """

    mark: ClassVar[str] = "artist_power"

    name: str = "yamnet-tags"
    seed: Whole = 1
    vectors: Text = "yamnet_mean_mtg_jamendo.npz"
    networks: Count = 5
    hidden: Count = 512
    dropout: NonNegative = 0.3
    batch: Count = 256
    epochs: Count = 40
    patience: Count = 6
    learning_rate: Positive = 5e-4
    weight_decay: NonNegative = 0.01
    artist_power: NonNegative = 0.5
