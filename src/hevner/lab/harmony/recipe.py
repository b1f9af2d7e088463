"""Recipe of the harmony network."""

from __future__ import annotations

from typing import ClassVar

from hevner.lab.recipe_types import Count, NonNegative, Positive, Recipe, Share, Whole


class HarmonyRecipe(Recipe, frozen=True, kw_only=True):
    """Everything that decides the weights, and how they are measured.

    Attributes
    ----------
    seed
        Fixes the examples and the order of training.
    examples, plain_examples
        Number of rendered pieces: with other instruments and disturbances, and as plain piano.
    steps, batch, crop_frames
        Training steps, examples per step, frames of each example.
    learning_rate, weight_decay, label_smoothing
        Settings of the optimiser and of the losses.
    features, channels, key_features, key_hidden
        Sizes of the layers.
    key_weight, tone_weight
        Weights of the losses for keys and for chord tones; that for chords has weight 1.
    songs
        Number of songs that the evaluation renders.
    """

    mark: ClassVar[str] = "plain_examples"

    name: str = "harmony"
    seed: Whole = 1
    examples: Whole = 900
    plain_examples: Whole = 100
    steps: Count = 2500
    batch: Count = 10
    crop_frames: Count = 220
    learning_rate: Positive = 3e-3
    weight_decay: NonNegative = 1e-3
    features: Count = 8
    channels: Count = 28
    key_features: Count = 10
    key_hidden: Count = 32
    label_smoothing: Share = 0.03
    key_weight: NonNegative = 0.6
    tone_weight: NonNegative = 0.5
    songs: Count = 32


class ModesRecipe(Recipe, frozen=True, kw_only=True):
    """Everything that decides the weights of the key estimator.

    Attributes
    ----------
    seed
        Fixes the pieces and the order of training.
    networks
        How many are trained; the estimator is the mean of their log-odds.
    pieces, excerpts
        Number of composed pieces, and of excerpts of POP909.
    whole_weight, excerpt_weight
        How often whole pieces are drawn, and excerpts, where a span of a piece is drawn once.
    steps, batch, learning_rate, weight_decay, label_smoothing
        Settings of the training.
    hidden, dropout, noise
        Size of the layer, share of the features left out, and noise added to standardised ones.
    """

    mark: ClassVar[str] = "excerpts"

    name: str = "modes"
    seed: Whole = 1
    networks: Count = 3
    pieces: Count = 6000
    excerpts: Count = 1000
    whole_weight: Positive = 5.0
    excerpt_weight: Positive = 6.0
    steps: Count = 900
    batch: Count = 256
    learning_rate: Positive = 3e-3
    weight_decay: NonNegative = 0.1
    label_smoothing: Share = 0.02
    hidden: Count = 48
    dropout: Share = 0.4
    noise: NonNegative = 0.3
