"""The unified networks: sizes, inputs, and initial weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hevner.lab.unified.chord_sequence import (
    NO_ROOT,
    PUBLISHED,
    REPAIRED,
    ChordSequence,
    Vocabulary,
    from_spans,
)

torch = pytest.importorskip("torch")

from hevner.lab.unified.networks import (
    HIGHEST_LOG_VARIANCE,
    LOWEST_LOG_VARIANCE,
    Head,
    Inputs,
    Network,
    UnifiedPublished,
    UnifiedRepaired,
)

DIMENSION = 6
MERT_DIMENSION = 1536
TAGS = Head("tags", "tags", 56)
VALENCE_AROUSAL = Head("emotion", "values", 2)
HEADS = (
    Head("emotion", "gaussian", 2),
    Head("tags", "tags", 5),
    Head("gems", "shares", 9),
    Head("quadrants", "classes", 4),
)
LABELS = ("C", "G:7", "A:min", "N", "F:maj7")


def pieces(lengths: list[int], vocabulary: Vocabulary) -> Inputs:
    """One piece of music for every number of chords."""
    random = np.random.default_rng(sum(lengths))
    chords = [
        from_spans(
            [(LABELS[random.integers(5)], i, i + random.uniform(0.2, 1)) for i in range(length)],
            int(random.integers(24)),
            vocabulary,
        )
        for length in lengths
    ]
    vectors = random.normal(size=(len(lengths), DIMENSION)).astype(np.float32)
    return Inputs.from_sequences(vectors, chords, vocabulary)


def several(count: int, vocabulary: Vocabulary = PUBLISHED) -> ChordSequence:
    return from_spans([("D:min7", i, i + 0.5) for i in range(count)], 0, vocabulary)


def padded(vocabulary: Vocabulary, *counts: int) -> Inputs:
    vectors = np.zeros((len(counts), 1), np.float32)
    return Inputs.from_sequences(vectors, [several(n, vocabulary) for n in counts], vocabulary)


@pytest.mark.parametrize("count", [0, 99, 100, 101])
def test_published_sequences_are_padded_or_cut_to_100(count: int) -> None:
    batch = padded(PUBLISHED, count)
    kept = min(count, 100)
    assert batch.roots.shape == (1, 100)
    assert batch.roots[0].tolist() == [2] * kept + [NO_ROOT] * (100 - kept)
    assert batch.qualities[0].tolist() == [4] * kept + [0] * (100 - kept)
    assert batch.present[0].sum() == kept


def test_repaired_sequences_are_as_long_as_the_longest() -> None:
    batch = padded(REPAIRED, 0, 2, 101)
    assert batch.present.sum(axis=1).tolist() == [0, 2, 101]
    assert batch.roots.shape == (3, 101)
    assert (batch.roots[~batch.present] == NO_ROOT).all()
    assert (batch.qualities[~batch.present] == REPAIRED.none).all()
    assert batch.durations.sum(axis=1).tolist() == [0, 1, 50.5]
    assert padded(REPAIRED, 0).roots.shape == (1, 1)


def parameters(network: Network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def unsettled(network: Network) -> Network:
    """The network in use, as if trained: no weight is zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return network.eval()


def repaired(**options: bool) -> UnifiedRepaired:
    torch.manual_seed(0)
    return UnifiedRepaired(DIMENSION, HEADS, **options)


def published() -> UnifiedPublished:
    torch.manual_seed(0)
    return UnifiedPublished(DIMENSION, (TAGS, VALENCE_AROUSAL))


VARIANTS = [(published, PUBLISHED), (repaired, REPAIRED)]


def outputs(network: Network, inputs: Inputs) -> np.ndarray:
    with torch.no_grad():
        return torch.cat(list(network(inputs).values()), dim=1).numpy()


def changed(inputs: Inputs, **tensors: object) -> Inputs:
    return Inputs(**{**vars(inputs), **tensors})


def test_published_sizes() -> None:
    assert parameters(UnifiedPublished(MERT_DIMENSION, (TAGS, VALENCE_AROUSAL))) == 1_072_058
    assert parameters(UnifiedPublished(MERT_DIMENSION, (TAGS,))) == 940_216
    assert parameters(UnifiedPublished(MERT_DIMENSION, (VALENCE_AROUSAL,))) == 926_338


def test_heads_give_their_columns() -> None:
    told = repaired()(pieces([3, 0], REPAIRED))
    assert {name: tuple(raw.shape) for name, raw in told.items()} == {
        "emotion": (2, 4), "tags": (2, 5), "gems": (2, 9), "quadrants": (2, 4),
    }  # fmt: skip


@pytest.mark.parametrize(("build", "vocabulary"), VARIANTS)
@pytest.mark.parametrize("field", ["roots", "qualities", "minor"])
def test_chords_and_mode_reach_an_untrained_network(
    build: Callable[[], Network], vocabulary: Vocabulary, field: str
) -> None:
    network = build().eval()
    inputs = pieces([5], vocabulary)
    value = getattr(inputs, field)
    other = changed(inputs, **{field: (value + 1) % 4 if value.ndim == 2 else 1 - value})
    assert np.abs(outputs(network, inputs) - outputs(network, other)).max() > 1e-5


@pytest.mark.parametrize(("build", "vocabulary"), VARIANTS)
def test_the_order_of_chords_matters(build: Callable[[], Network], vocabulary: Vocabulary) -> None:
    network = build().eval()
    inputs = pieces([100], vocabulary)
    sequences = ("roots", "qualities", "durations", "present")
    backwards = changed(inputs, **{name: getattr(inputs, name).flip(1) for name in sequences})
    assert np.abs(outputs(network, inputs) - outputs(network, backwards)).max() > 1e-5


def test_durations_matter_to_the_repaired_network() -> None:
    network = repaired().eval()
    inputs = pieces([5], REPAIRED)
    longer = changed(inputs, durations=2 * inputs.durations)
    assert np.abs(outputs(network, inputs) - outputs(network, longer)).max() > 1e-5


@pytest.mark.parametrize(("label", "row"), [("N", 0), ("C", 1), ("B", 12)])
def test_published_numbers_of_roots(label: str, row: int) -> None:
    network = published().eval()
    chords = from_spans([(label, 0, 1)] * 100, 0, PUBLISHED)
    vector = np.zeros((1, DIMENSION), np.float32)
    told = network(Inputs.from_sequences(vector, [chords], PUBLISHED))
    told["tags"].square().sum().backward()
    used = network.chords.root.weight.grad.abs().sum(dim=1)
    assert used.nonzero().flatten().tolist() == [row]


def test_padding_changes_nothing_in_the_repaired_network() -> None:
    network = unsettled(repaired())
    alone, many = pieces([3], REPAIRED), pieces([0, 3, 40], REPAIRED)
    padding = {
        name: torch.cat([getattr(alone, name), getattr(many, name)[2:, :37]], dim=1)
        for name in ("roots", "qualities", "durations")
    }
    present = torch.arange(40)[None] < 3
    padded = changed(alone, **padding, present=present)
    np.testing.assert_allclose(outputs(network, padded), outputs(network, alone), atol=1e-5)
    network.train()
    for part in network.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    np.testing.assert_allclose(outputs(network, padded), outputs(network, alone), atol=1e-5)


@pytest.mark.parametrize(("build", "vocabulary"), VARIANTS)
@pytest.mark.parametrize("length", [0, 99, 100, 101])
def test_any_number_of_chords(
    build: Callable[[], Network], vocabulary: Vocabulary, length: int
) -> None:
    network = build()
    told = network(pieces([length, length], vocabulary))
    sum(raw.square().sum() for raw in told.values()).backward()
    for parameter in network.parameters():
        assert parameter.grad is None or bool(parameter.grad.isfinite().all())
    assert all(bool(raw.isfinite().all()) for raw in told.values())


def test_a_repaired_network_does_not_read_the_embedding_before_it_learns_to() -> None:
    network = repaired().eval()
    inputs = pieces([2, 3], REPAIRED)
    other = changed(inputs, vector=inputs.vector + 1)
    assert np.array_equal(outputs(network, inputs), outputs(network, other))


def test_log_variances_are_bounded_and_keep_a_slope() -> None:
    network = repaired(chords=False, key=False)
    inputs = pieces([1, 1], REPAIRED)
    for bias, bound in ((1e3, HIGHEST_LOG_VARIANCE), (-1e3, LOWEST_LOG_VARIANCE)):
        with torch.no_grad():
            network.skips["emotion"].bias[2:] = bias
        assert np.allclose(network(inputs)["emotion"][:, 2:].detach(), bound)
    with torch.no_grad():
        network.skips["emotion"].bias[2:] = 4.0
    network(inputs)["emotion"][:, 2:].sum().backward()
    assert float(network.skips["emotion"].bias.grad[2]) > 0.1


@pytest.mark.parametrize("left_out", ["chords", "key"])
def test_ingredients_can_be_left_out(left_out: str) -> None:
    network = unsettled(repaired(**{left_out: False}))
    assert parameters(network) < parameters(repaired())
    inputs = pieces([3, 5], REPAIRED)
    other = {
        "chords": changed(inputs, roots=(inputs.roots + 1) % 12, durations=inputs.durations + 1),
        "key": changed(inputs, minor=1 - inputs.minor),
    }
    for ingredient in ("chords", "key"):
        same = np.array_equal(outputs(network, inputs), outputs(network, other[ingredient]))
        assert same == (ingredient == left_out)


def test_a_network_without_linear_part_learns() -> None:
    network = repaired(linear=False)
    inputs = pieces([3, 5], REPAIRED)
    network(inputs)["tags"].sum().backward()
    first = network.trunk[0].weight.grad
    assert float(first.abs().sum()) > 0


def test_rows_are_chosen_by_number_and_by_mask() -> None:
    inputs = pieces([1, 2, 3], REPAIRED)
    chosen = inputs.rows(torch.tensor([2, 0]))
    assert len(chosen) == 2
    assert chosen.present.sum(dim=1).tolist() == [3, 1]
    assert torch.equal(inputs.rows(torch.tensor([False, True, False])).vector, inputs.vector[1:2])
