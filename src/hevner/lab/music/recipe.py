"""Recipes of the networks of `hevner.music`; all values are in the files."""

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

    seed: Whole
    steps: Count
    batch: Count
    learning_rate: Positive
    weight_decay: NonNegative


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

    examples: Whole
    plain_examples: Whole
    crop_frames: Count
    features: Count
    channels: Count
    key_features: Count
    key_hidden: Count
    label_smoothing: Share
    key_weight: NonNegative
    tone_weight: NonNegative


class ModesRecipe(MusicRecipe, frozen=True, kw_only=True):
    """Tonic and mode.

    Attributes
    ----------
    networks
        How many are trained; the estimator is the mean of their log-odds.
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

    networks: Count
    pieces: Count
    excerpts: Count
    whole_weight: Positive
    excerpt_weight: Positive
    label_smoothing: Share
    hidden: Count
    dropout: Share
    noise: NonNegative


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

    examples: Whole
    songs: Names
    songs_each: Count
    songs_share: Share
    sure: Share
    channels: Count
    free: Count
    hidden: Count
    bar_steps: Count
    bar_hidden: Count
    tempo_weight: NonNegative
    meter_weight: NonNegative
