"""Searching by text, against readable searches through everything."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import hevner.catalog.analyze_file
import hevner.model.space
from hevner import encoders
from hevner.catalog import open_catalog, search, texts
from hevner.catalog.encoding import Encoded
from hevner.catalog.query import Query
from hevner.catalog.scoring import TYPICAL
from hevner.catalog.search import why_nothing
from hevner.catalog.writer import create, writing
from hevner.cli import app
from hevner.errors import CatalogError, HevnerError, MissingDependencyError, ModelError
from hevner.hits import Hit
from hevner.words import Lexicon
from hevner.words.describing import describe
from tests import sounds
from tests.catalog.library import Library, build
from tests.catalog.made_up import SPACE, run
from tests.catalog.text_encoder import BANDS, CARD, NAME, Bands, Tones, encode_folder, tone, version
from tests.errors import raises

LENGTHS = {"short": 3, "whole": 10, "long": 20}
"""Of clips, in seconds."""

LEFT_OUT = 20
"""Pieces of the library that are not encoded."""


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bands]:
    """The made-up encoder, in the place of all there are."""
    bands = Bands()
    monkeypatch.setattr(encoders, "card", lambda _name: bands.card)
    monkeypatch.setattr(encoders, "create", lambda _name, _device="auto": bands)
    texts.text_encoder.cache_clear()
    yield bands
    texts.text_encoder.cache_clear()


def encoded(folder: Path, count: int = 300) -> tuple[Library, np.ndarray]:
    """A library whose first pieces are encoded, and their vectors as they are stored."""
    library = build(folder, count)
    rng = np.random.default_rng(8)
    vectors = rng.gamma(0.5, 1, (count - LEFT_OUT, BANDS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [piece["id"] for piece in library.pieces]
    with writing(library.catalog) as writer:
        writer.note_encoder(CARD)
        writer.put_encoded(dict(zip(ids, vectors, strict=False)))
    library.catalog.refresh()
    return library, vectors.astype(np.float16).astype(np.float32)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Library, np.ndarray]:
    return encoded(tmp_path_factory.mktemp("known") / "catalog")


def find(library: Library, **asked: object) -> list[Hit]:
    return search.search(library.catalog, Query.of(**asked))  # type: ignore[arg-type]


def numbers(library: Library, hits: list[Hit]) -> list[int]:
    paths = [piece["path"] for piece in library.pieces]
    return [paths.index(hit.path) for hit in hits]


def distances(vectors: np.ndarray, text: str) -> np.ndarray:
    return 1 - vectors @ Bands().text([text])[0]


def fits(values: np.ndarray) -> np.ndarray:
    """The share of all that is larger than each."""
    return (values > values[:, None]).mean(axis=1)


# A text


@pytest.mark.parametrize("text", ["3", "0 9 15"])
def test_text_finds_what_comparing_with_everything_finds(
    known: tuple[Library, np.ndarray], text: str
) -> None:
    library, vectors = known
    exact = distances(vectors, text)
    hits = find(library, text=text, count=30)
    order = np.argsort(exact, kind="stable")[:30]
    assert numbers(library, hits) == order.tolist()
    assert [hit.divergence for hit in hits] == pytest.approx(exact[order], abs=1e-6)
    assert [hit.fit for hit in hits] == pytest.approx(fits(exact)[order])
    piece = library.pieces[order[0]]
    assert (hits[0].name, hits[0].key) == (piece["name"], piece["key"])
    assert (hits[0].start, hits[0].end) == (None, None)


def test_huge_counts_give_everything_heard_once(known: tuple[Library, np.ndarray]) -> None:
    hits = find(known[0], text="3", count=10**9)
    assert sorted(numbers(known[0], hits)) == list(range(len(known[1])))


def test_catalogue_is_searched_by_text(
    known: tuple[Library, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hevner.model.space, "load", lambda: known[0].space)
    catalog = open_catalog(known[0].catalog.folder)
    assert catalog.search(text=" 3 ", count=4) == find(known[0], text="3", count=4)


def test_condition_is_met_by_all_hits_and_fit_is_of_the_catalogue(
    known: tuple[Library, np.ndarray],
) -> None:
    library, vectors = known
    passing = [
        number
        for number, piece in enumerate(library.pieces[: len(vectors)])
        if piece["duration"] < 150 and piece["key_mode"] == "minor"
    ]
    exact = distances(vectors, "3")
    best = sorted(passing, key=lambda number: exact[number])
    for count in (4, 500):
        hits = find(library, text="3", where="duration < 150 and key_mode = 'minor'", count=count)
        assert numbers(library, hits) == best[:count]
        assert [hit.fit for hit in hits] == pytest.approx(fits(exact)[best[:count]])
    with raises(CatalogError, "bad_filter") as caught:
        find(library, text="3", where="loudness > 3")
    assert "encoded" not in caught.value.remedy


def test_nothing_typical_of_the_unwanted_is_found(known: tuple[Library, np.ndarray]) -> None:
    library, vectors = known
    hits = find(library, text="3", unwanted="gloomy", count=500)
    emotions = library.space.emotion(describe(Lexicon().parse("gloomy")))
    typical = (
        library.space.fit(library.space.find(emotions, library.points), emotions)[0] >= TYPICAL
    )
    left = np.flatnonzero(~typical[: len(vectors)])
    exact = distances(vectors, "3")
    assert numbers(library, hits) == left[np.argsort(exact[left], kind="stable")].tolist()
    assert 0 < len(left) < len(vectors)


def test_diverse_hits_differ_more_and_begin_with_the_best(
    known: tuple[Library, np.ndarray],
) -> None:
    library, _ = known
    plain = find(library, text="3", count=8)
    spread = find(library, text="3", count=8, diverse=True)
    assert spread[0] == plain[0]

    def apart(hits: list[Hit]) -> float:
        chosen = library.points.where(np.array(numbers(library, hits)))
        return float(library.space.alike(chosen, chosen).mean())

    assert apart(spread) > apart(plain)


def test_files_of_the_same_content_are_one_hit(tmp_path: Path) -> None:
    library, vectors = encoded(tmp_path / "catalog", 30)
    copy = {**library.pieces[4], "path": "/music/copy.mp3", "encoded": np.float16(vectors[4])}
    with writing(library.catalog) as writer:
        writer.put([copy], [])
    library.catalog.refresh()
    assert len(find(library, text="3", count=50)) == len(vectors)


# A text and more


@pytest.mark.parametrize("asked", [{"mood": "sad"}, {"valence": 0.2, "arousal": 0.4}])
def test_both_shall_fit_so_the_worse_fit_counts(
    known: tuple[Library, np.ndarray], asked: dict[str, object]
) -> None:
    library = known[0]
    by_emotion = {hit.path: hit.fit for hit in find(library, **asked, count=500)}
    by_text = {hit.path: hit.fit for hit in find(library, text="3", count=500)}
    worse = {path: min(fit, by_emotion[path]) for path, fit in by_text.items()}  # type: ignore[type-var]
    hits = find(library, text="3", **asked, count=40)
    assert [hit.fit for hit in hits] == pytest.approx(sorted(worse.values(), reverse=True)[:40])
    assert [hit.fit for hit in hits] == pytest.approx([worse[hit.path] for hit in hits])
    assert [hit.divergence for hit in hits] == pytest.approx([1 - worse[hit.path] for hit in hits])
    # Neither alone finds the same.
    for other in ({"text": "3"}, asked):
        assert numbers(library, find(library, **other, count=40)) != numbers(library, hits)


def test_radius_and_condition_hold_with_a_text(known: tuple[Library, np.ndarray]) -> None:
    asked = {"valence": 0.1, "arousal": 0.1, "radius": 0.4, "where": "duration < 200"}
    hits = find(known[0], text="3", **asked, count=500)
    near = {
        number
        for number, piece in enumerate(known[0].pieces[: len(known[1])])
        if np.hypot(piece["valence"] - 0.1, piece["arousal"] - 0.1) <= 0.4
        and piece["duration"] < 200
    }
    assert set(numbers(known[0], hits)) == near != set()


def test_a_piece_that_others_shall_be_like_is_no_hit(known: tuple[Library, np.ndarray]) -> None:
    hits = find(known[0], text="3", like=known[0].pieces[7]["path"], count=500)
    assert sorted(numbers(known[0], hits)) == [n for n in range(len(known[1])) if n != 7]
    assert all(0 <= hit.fit <= 1 for hit in hits)


# What cannot be


def test_a_catalogue_no_encoder_has_heard_is_told_with_the_command(library: Library) -> None:
    for encoder in ("", "another"):
        # Named, and stopped before anything was encoded.
        head = SimpleNamespace(encoder=encoder, folders=("/my music",))
        catalog = SimpleNamespace(
            header=head, folder=library.catalog.folder, pieces=library.catalog.pieces
        )
        with raises(CatalogError, "not_encoded") as caught:
            texts.match(catalog, "3", None)  # type: ignore[arg-type]
        command = f"hevner index '/my music' --into {library.catalog.folder} --encoder "
        assert caught.value.remedy.endswith(command + (encoder or "clap-general"))


def test_another_version_is_refused_and_another_precision_is_not(
    known: tuple[Library, np.ndarray], encoder: Bands
) -> None:
    hits = find(known[0], text="3")
    encoder.card = version(f"{CARD.version}-float16")
    assert find(known[0], text="3") == hits
    encoder.card = version("1-ba9876543210")
    with raises(CatalogError, "other_encoder") as caught:
        find(known[0], text="3")
    assert caught.value.remedy.endswith("--rebuild")


@pytest.mark.parametrize("error", [ModelError, MissingDependencyError])
def test_what_the_encoder_lacks_is_words_as_it_says(
    error: type[HevnerError],
    known: tuple[Library, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_name: str) -> None:
        raise error("it lacks something", remedy="Get it")

    monkeypatch.setattr(encoders, "create", refuse)
    with pytest.raises(error, match=r"it lacks something\. Get it"):
        find(known[0], text="3")


@pytest.mark.parametrize("name", ["musicnn", "clap-music+3"])
def test_an_encoder_that_knows_no_texts_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows = Bands() if "clap" in name else SimpleNamespace(encode=None)
    monkeypatch.setattr(encoders, "create", lambda _name: knows)
    monkeypatch.setattr(
        encoders, "card", lambda _name: SimpleNamespace(chosen=(3,) if "+" in name else ())
    )
    with raises(ModelError, "no_texts"):
        texts.text_encoder(name)


def test_reason_for_finding_nothing_is_told(tmp_path: Path) -> None:
    library = build(tmp_path / "catalog", 5)
    with writing(library.catalog) as writer:
        writer.note_encoder(CARD)
    library.catalog.refresh()
    assert find(library, text="3") == []
    assert find(library, text="3", mood="sad", where="duration > 0") == []
    reason = why_nothing(library.catalog, Query.of(text="3"))
    assert reason == f"No piece has been encoded by {NAME} to compare texts with."
    assert texts.count_without_vector(library.catalog) == 5


# The command line


def hevner_(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_from_sounds_to_hits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hevner.model.space, "load", lambda: SPACE)
    analyzer = Tones()
    monkeypatch.setattr(hevner.catalog.analyze_file, "FileAnalyzer", lambda *_: analyzer)
    music, catalog = tmp_path / "music", tmp_path / "catalog"
    for band in (2, 5, 9):
        tone(music / f"{band}.wav", band)
    index = ("index", music, "--into", catalog)
    assert hevner_(*index).exit_code == 0
    refused = hevner_("search", catalog, "--text", "5")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "--encoder clap-general" in refused.stderr
    done = hevner_(*index, "--encoder", NAME)
    assert done.exit_code == 0, done.output
    assert f"3 unchanged. 3 encoded by {NAME}." in done.stderr
    assert len(analyzer.asked) == 3
    found = json.loads(hevner_("search", catalog, "--text", "5 5 9", "-f", "json").stdout)
    assert found[0]["name"] == "5.wav"
    assert [hit["fit"] for hit in found] == pytest.approx([2 / 3, 1 / 3, 0], abs=1e-3)
    table = hevner_("search", catalog, "--text", "5")
    assert "Fit: the share of the catalogue that matches the text less." in table.stdout
    assert table.stderr == ""
    both = hevner_("search", catalog, "--text", "5", "--mood", "sad")
    assert "Fit: the smaller of two shares" in both.stdout

    tone(music / "new.wav", 12)
    done = hevner_(*index)
    assert f"1 not encoded by {NAME}: --encoder {NAME} encodes them." in done.stderr
    table = hevner_("search", catalog, "--text", "12")
    assert "new.wav" not in table.stdout
    assert table.stderr == f"1 pieces were left out: {NAME} has not encoded them yet.\n"
    (music / "new.wav").unlink()
    tone(music / "9.wav", 10)
    assert hevner_(*index, "--rebuild", "--encoder", NAME, "--quiet").stderr == ""
    (first, *_rest) = json.loads(hevner_("search", catalog, "--text", "10", "-f", "json").stdout)
    assert first["name"] == "9.wav"


def test_another_encoder_is_refused_before_anything_is_analysed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: Bands
) -> None:
    monkeypatch.setattr(hevner.model.space, "load", lambda: SPACE)
    analyzer = Tones()
    monkeypatch.setattr(hevner.catalog.analyze_file, "FileAnalyzer", lambda *_: analyzer)
    tone(tmp_path / "music" / "a.wav", 3)
    index = ("index", tmp_path / "music", "--into", tmp_path / "catalog", "--encoder", NAME)
    assert hevner_(*index).exit_code == 0
    tone(tmp_path / "music" / "b.wav", 4)
    encoder.card = version("1-ba9876543210")
    done = hevner_(*index)
    assert done.exit_code == 1
    assert f"--encoder {NAME} --rebuild" in done.stderr
    assert analyzer.asked == ["a.wav"]


def test_texts_go_with_nothing_that_asks_for_words(known: tuple[Library, np.ndarray]) -> None:
    folder = known[0].catalog.folder
    done = hevner_("search", folder, "--emotions-of", "a.mp3", "--text", "3")
    assert done.exit_code == 2
    assert "searches for no music" in done.stderr


def test_without_a_text_no_framework_is_loaded(tmp_path: Path, library: Library) -> None:
    code = f"""
import sys
import hevner.model.space
from tests.catalog.text_encoder import Tones, tone
from tests.catalog.made_up import SPACE
import hevner.catalog.analyze_file
from pathlib import Path
from typer.testing import CliRunner
from hevner.cli import app
hevner.model.space.load = lambda: SPACE
hevner.catalog.analyze_file.FileAnalyzer = lambda *_: Tones()
folder = Path({str(tmp_path)!r})
tone(folder / "music" / "a.wav", 3)
for call in (
    ["index", str(folder / "music"), "--into", str(folder / "catalog")],
    ["search", str(folder / "catalog"), "--mood", "sad"],
    ["search", str(folder / "catalog"), "--text", "rain"],
):
    print(CliRunner().invoke(app, call).exit_code)
print(sorted({{"torch", "transformers", "safetensors"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout.split("\n") == ["0", "0", "1", "[]", ""]


def test_a_small_clap_hears_and_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("torch", "transformers", "psutil"):
        pytest.importorskip(package)
    from hevner.encoders.clap import conversion
    from hevner.encoders.large import LARGE
    from hevner.lab.rehearsal.clap_weights import write
    from tests.golden.encoders.make_clap import CONFIG

    card = replace(LARGE["clap-general"].card, states=(8, 8, 16, 16, 32, 32), dimension=24)
    published, weights = tmp_path / "published", tmp_path / "weights"
    weights.mkdir()
    write(published, CONFIG)
    conversion.convert(card, published, weights, lambda _done, _total: None)
    small = LARGE[card.id].load(card, weights, "cpu")
    monkeypatch.setattr(encoders, "card", lambda _name: small.card)
    monkeypatch.setattr(encoders, "create", lambda _name: small)

    rng = np.random.default_rng(6)
    clips = {name: rng.normal(0, 0.1, 48_000 * s).astype(np.float32) for name, s in LENGTHS.items()}
    clips["long"][480_000:] = np.sin(np.arange(len(clips["long"]) - 480_000) / 20)
    for name, samples in clips.items():
        sounds.write(tmp_path / "music" / f"{name}.wav", samples, 48_000, subtype="FLOAT")
    catalog = create(tmp_path / "catalog", SPACE)
    run(tmp_path / "music", catalog, Tones())
    assert encode_folder(tmp_path / "music", catalog, small) == Encoded(done=len(LENGTHS))  # type: ignore[arg-type]

    mean = small.encode(clips["long"].reshape(2, -1)).sum(axis=0)
    vectors = {
        "short.wav": small.encode(clips["short"][None])[0],
        "whole.wav": small.encode(clips["whole"][None])[0],
        "long.wav": mean / np.linalg.norm(mean),
    }
    text = small.text(["rainy piano at night"])[0]
    hits = search.search(catalog, Query.of(text="rainy piano at night"))
    exact = {name: 1 - float(vector @ text) for name, vector in vectors.items()}
    assert [hit.name for hit in hits] == sorted(exact, key=exact.__getitem__)
    assert [hit.divergence for hit in hits] == pytest.approx(sorted(exact.values()), abs=2e-3)
