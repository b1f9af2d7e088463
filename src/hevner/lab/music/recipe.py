"""Recipes of the networks of `hevner.music`."""

from __future__ import annotations

from typing import ClassVar

from hevner.lab.recipe_types import Count, Names, NonNegative, Positive, Recipe, Share, Whole


class MusicRecipe(Recipe, frozen=True, kw_only=True):
    """What the three have in common.

    Attributes
    ----------
    seed
        Fixes the examples and the order of training.
    steps, batch
        Training steps, and examples per step.
    learning_rate, weight_decay
        Settings of the optimiser; the learning rate goes through one cycle.
    """

    seed: Whole = 1
    steps: Count
    batch: Count
    learning_rate: Positive = 3e-3
    weight_decay: NonNegative = 1e-3


class HarmonyRecipe(MusicRecipe, frozen=True, kw_only=True):
    """Chords and keys.

    Attributes
    ----------
    examples, plain_examples
        Number of rendered pieces, and of plain chords.
    crop_frames
        Length of an example in a step.
    features, channels, key_features, key_hidden
        Sizes of the layers.
    label_smoothing, key_weight, tone_weight
        Of the losses; that for chords has weight 1.
    """

    mark: ClassVar[str] = "plain_examples"

    name: str = "harmony"
    examples: Whole = 900
    plain_examples: Whole = 100
    steps: Count = 2500
    batch: Count = 10
    crop_frames: Count = 220
    features: Count = 8
    channels: Count = 28
    key_features: Count = 10
    key_hidden: Count = 32
    label_smoothing: Share = 0.03
    key_weight: NonNegative = 0.6
    tone_weight: NonNegative = 0.5


class ModesRecipe(MusicRecipe, frozen=True, kw_only=True):
    """Tonic and mode.

    Attributes
    ----------
    pieces, excerpts
        Number of composed pieces, and of excerpts of POP909.
    whole_weight, excerpt_weight
        How often whole pieces are drawn, and excerpts, where a span of a piece is drawn once.
    label_smoothing
        Of the loss.
    hidden, dropout, noise
        Size of the layer, share of the features left out, and noise added to standardised ones.
    """

    mark: ClassVar[str] = "excerpts"

    name: str = "modes"
    pieces: Count = 6000
    excerpts: Count = 1000
    whole_weight: Positive = 5.0
    excerpt_weight: Positive = 6.0
    steps: Count = 900
    batch: Count = 256
    weight_decay: NonNegative = 0.1
    label_smoothing: Share = 0.02
    hidden: Count = 48
    dropout: Share = 0.4
    noise: NonNegative = 0.3


class RhythmRecipe(MusicRecipe, frozen=True, kw_only=True):
    """Tempo, meter and beats.

    Attributes
    ----------
    examples
        Number of rendered pieces.
    songs, songs_each, songs_share, sure
        Datasets of real songs without beats, number of songs of each, and their share of a step.
        The network of a first round names their tempo and beats; a second round learns from those
        whose tempo has at least the probability ``sure``.
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
    examples: Whole = 2000
    songs: Names = ("quadrants4q", "mirex", "emotify")
    songs_each: Count = 170
    songs_share: Share = 0.15
    sure: Share = 0.6
    steps: Count = 4000
    batch: Count = 16
    channels: Count = 32
    free: Count = 8
    hidden: Count = 32
    bar_steps: Count = 2000
    bar_hidden: Count = 24
    tempo_weight: NonNegative = 0.08
    meter_weight: NonNegative = 0.04
