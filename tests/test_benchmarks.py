"""Every script in ``benchmarks/`` answers ``--help`` and does its work on tiny input."""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from hevner.datasets.track import Curve
from hevner.defaults import DEFAULT_MODEL
from hevner.lab.default.fit import fit as fit_default
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table
from hevner.lab.music import render
from hevner.lab.music.pieces import Piece
from hevner.lab.own.recipe import OwnRecipe
from hevner.lab.recipes import read as read_recipe
from hevner.lab.rehearsal.music import sound
from hevner.lab.scoring import known
from hevner.model import predict
from tests.lab.jamendo import VECTORS, jamendo
from tests.lab.tracks import musemo
from tests.sounds import music, write
from tests.worlds import SETS, WIDTH, read_toy, stack, world

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))

NOT_RUN = {
    "catalog_faults": "starts itself again with a library; `test_no_fault_loses_a_piece` runs it",
    "attack": "attacks servers for minutes; `tests/serve` tries each attack in small",
    "tag_faults": "likewise; `test_no_fault_damages_a_tagged_file` runs it",
    "scale": "needs a store and a cluster; `test_the_measurement_runs` has both",
    "courses": "needs a catalogue of real music; `test_search` tries the ways of comparing",
    "library": "fetches packages of games",
    "speed_essentia": "needs Essentia, which is not installed here",
    "music_essentia": "likewise",
    "key_cuts": "needs labelled cuts of songs; `key` runs its folds where they are",
    "tempo_level": "likewise; `tempo` does",
    "music_sounds": "needs packages of sounds, espeak-ng and fluidsynth",
}
"""Scripts that are only asked for help, and why."""

Run = Callable[..., ModuleType]


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a script anew, as if it lay beside those that it imports."""
    monkeypatch.syspath_prepend(FOLDER)
    for other in SCRIPTS:
        monkeypatch.delitem(sys.modules, other, raising=False)
    return importlib.import_module(name)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the ``main`` of a script, some of its constants and functions replaced."""

    def call(name: str, *arguments: object, **replaced: object) -> ModuleType:
        script = load(name, monkeypatch)
        for attribute, value in replaced.items():
            monkeypatch.setattr(script, attribute, value)
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        script.main()
        return script

    return call


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    write(folder / "clip.wav", music(6.0))
    return folder


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_answers_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    monkeypatch.syspath_prepend(FOLDER)
    for other in SCRIPTS:
        monkeypatch.delitem(sys.modules, other, raising=False)
    code = compile((FOLDER / f"{name}.py").read_text("utf-8"), f"{name}.py", "exec")
    module = ModuleType("__main__")
    module.__file__ = str(FOLDER / f"{name}.py")
    monkeypatch.setitem(sys.modules, "__main__", module)
    with pytest.raises(SystemExit) as ended:
        exec(code, vars(module))
    assert not ended.value.code
    assert "usage:" in capsys.readouterr().out


def test_every_script_is_run_or_says_why_not() -> None:
    text = Path(__file__).read_text("utf-8")
    run = {name for name in SCRIPTS if f'run("{name}"' in text or f'load("{name}"' in text}
    assert run | set(NOT_RUN) == set(SCRIPTS)
    assert not run & set(NOT_RUN)


# --- a newcomer ---

FIRST_PAGE = """
```sh
pip install '.[lab]'
cp -r examples/audio music
hevner datasets check musemo data/musemo
```

```python
import hevner
```

```console
$ hevner datasets new music --labels valence,arousal
...
```

`music/annotations.csv`:

```csv
id,valence,arousal
bright_dance,8,7
calm_evening,6.5,2.5
journey,6,6
slow_lament,2.5,2
tense_chase,3,8
```

```console
$ hevner datasets check own music
...
```

```python
print(hevner.nothing)
```
"""


def test_first_steps(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, does in {
        "python": f'exec {sys.executable} "$@"',
        "hevner": f'exec {sys.executable} -m hevner "$@"',
        "pip": f'echo "$@" > {tmp_path}/pip',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    out = tmp_path / "out.csv"
    pages = {"first.md": FIRST_PAGE, "second.md": FIRST_PAGE}
    wheel = tmp_path / "hevner-7.0-py3-none-any.whl"
    run("first_steps", wheel, "--out", out, PAGES=pages, environment=lambda _: programs)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (tmp_path / "pip").read_text().split() == ["install", f"{wheel}[lab]"]
    first, second = (
        [(row["step"].split()[0], row["exit"]) for row in rows if row["page"] == page]
        for page in pages
    )
    # The code is one program, so the names of its first block are known in the second.
    assert second == [("the", "1"), ("hevner", "0"), ("hevner", "0")]
    assert first == [("pip", "0"), *second]
    assert "has no attribute 'nothing'" in capsys.readouterr().out
    assert {(row["version"], bool(row["date"])) for row in rows} == {("7.0", True)}


# --- analysis ---


def test_speed(run: Run, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("speed", "--folder", clips, "--repetitions", 1)
    assert "pooling and head" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg")
def test_decode(run: Run, tmp_path: Path) -> None:
    run("decode", "--only", "wav", "--seconds", 0.5, "--repetitions", 1, "--out", tmp_path)
    assert lines(tmp_path / "decode.csv") == 145
    assert lines(tmp_path / "decode_speed.csv") == 5


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs a compiler, on Linux"
)
def test_no_fault_loses_a_piece(tmp_path: Path) -> None:
    """Some points of the measurement, with the library that counts changes."""
    out = tmp_path / "faults.csv"
    options = ["--every", "200", "--random", "1", "--flips", "2", "--commands", "update", "renew"]
    script = FOLDER / "catalog_faults.py"
    subprocess.run([sys.executable, script, *options, "--out", out], check=True)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7
    for row in rows:
        assert int(row["trials"]) > 0, row
        assert not any(int(row[name]) for name in ("lost", "locked", "wrong", "left")), row


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs a compiler, on Linux"
)
def test_no_fault_damages_a_tagged_file(tmp_path: Path) -> None:
    """Some runs of the measurement, with other seeds than the committed ones."""
    out = tmp_path / "faults.csv"
    options = ["--first", "100000", "--runs", "24", "--out", out]
    subprocess.run([sys.executable, FOLDER / "tag_faults.py", *options], check=True)
    with out.open(newline="") as file:
        (row,) = (row for row in csv.DictReader(file) if row["fault"] == "all")
    assert int(row["runs"]) == int(row["restored"]) + int(row["refused"]) == 24
    assert int(row["hit"]) > 12
    assert not any(int(row[name]) for name in ("damaged", "wrong", "left")), row


def test_no_damaged_file_is_lost_or_believed(run: Run, tmp_path: Path) -> None:
    """A short run of the measurement, at other numbers than the committed one."""
    out = tmp_path / "fuzz.csv"
    # Twenty seconds for a file are enough on a quiet machine, and some minutes on any.
    few = ("--count", 150, "--whole", 50, "--seconds", 300)
    run("fuzz", "--first", 100_000, *few, "--out", out)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["files"]) for row in rows) == 150
    assert sum(int(row["heard"]) + int(row["warned"]) for row in rows) > 40
    for bad in ("crash", "hang", "traceback", "believed"):
        assert [row["damage"] for row in rows if row[bad] != "0"] == []


def play(parts: list[render.Instrument], length: float, _: str, *, rate: int) -> np.ndarray:
    """Notes as sums of four harmonics, without a soundfont."""
    return sound(np.concatenate([part.notes for part in parts]), length, rate)


def test_harmony(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two chords of a song made up here."""
    beats = np.arange(0.0, 64.0)
    rows = [(4.0 * k, 4.0 * k + 4, p, 80) for k in range(16) for p in ((60, 64, 67), (65, 69, 72))[
        k % 2]]  # fmt: skip
    chords = tuple((4.0 * k, 4.0 * k + 4, (0, 50)[k % 2]) for k in range(16))
    song = Piece(64.0, {"chords": np.array(rows), "melody": np.zeros((0, 4))}, chords, beats=beats)
    named = [(a, b, ("C:maj", "F:maj")[k % 2]) for k, (a, b, _) in enumerate(chords)]
    (tmp_path / "019").mkdir()
    script = load("harmony", monkeypatch)
    monkeypatch.setattr(render, "render", play)
    monkeypatch.setattr(script.pieces, "load_pop909", lambda _: (song, ((0.0, 64.0, 0),)))
    monkeypatch.setattr(script.pieces, "read_rows", lambda _: named)
    out = tmp_path / "harmony.csv"
    run("harmony", tmp_path / "sound", "--data", tmp_path, "--out", out, RENDER_RATE=16_000)
    with out.open(newline="") as file:
        scores = {(r["condition"], r["score"]): float(r["mean"]) for r in csv.DictReader(file)}
    assert scores["piano clean", "root"] > 0.8
    assert ("band rough", "key") in scores


def test_scores_of_harmony(monkeypatch: pytest.MonkeyPatch) -> None:
    script = load("harmony", monkeypatch)
    reference = [(0.0, 2.0, "C:maj"), (2.0, 4.0, "A:min7")]
    assert set(script.score_chords(reference, reference).values()) == {1.0}
    wrong = script.score_chords(reference, [(0.0, 4.0, "C:maj")])
    assert wrong["root"] == pytest.approx(0.5)
    assert script.score_key("C major", "A minor") == {"key": 0.3, "mode": 0.0}
    assert script.score_key("C major", None) == {"key": 0.0, "mode": 0.0}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # audioread, which librosa loads
def test_key(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One piece per mode, played as sums of harmonics, without a soundfont."""

    monkeypatch.setattr(render, "render", play)
    out = tmp_path / "key.csv"
    few = ("--per-mode", 1, "--keyless", 3)
    run("key", tmp_path / "sound", *few, "--out", out, RATE=16_000, LOOPS=1)
    with out.open(newline="") as file:
        scores = {(r["set"], r["system"], r["score"]): r for r in csv.DictReader(file)}
    assert scores["modes", "hevner", "right"]["n"] == "7"
    assert float(scores["modes", "hevner", "right"]["mean"]) > 0.5
    assert ("modes", "librosa", "right") in scores
    assert scores["no key", "hevner", "no key told"]["n"] == "3"


@pytest.mark.usefixtures("loopback")
def test_live(run: Run, tmp_path: Path) -> None:
    options = ["--runs", "0.003:5", "--seconds", 4, "--out", tmp_path / "live.csv"]
    run("live", *options)
    with (tmp_path / "live.csv").open(newline="") as file:
        rows = {(row["run"].split(",")[0], row["figure"]): row for row in csv.DictReader(file)}
    assert float(rows["memory", "values"]["value"]) == 2
    assert float(rows["delay", "values"]["value"]) == 2
    assert float(rows["service", "values"]["value"]) == 2
    same = rows["same", "largest difference to the same window"]
    assert float(same["value"]) <= float(same["limit"])


def test_memory(run: Run, tmp_path: Path) -> None:
    run("memory", "--hours", 0.003, "--out", tmp_path / "memory.csv")
    assert lines(tmp_path / "memory.csv") == 2


def test_isolation(run: Run, tmp_path: Path) -> None:
    few = ("--rounds", 1, "--tracks", 2, "--track-seconds", 3, "--out", tmp_path / "isolation.csv")
    run("isolation", *few, CLIP_S=3)
    assert lines(tmp_path / "isolation.csv") == 7


def test_startup(run: Run, tmp_path: Path) -> None:
    run("startup", "--repetitions", 1, "--out", tmp_path / "startup.csv", CLIP_S=4)
    assert lines(tmp_path / "startup.csv") == 6


def test_copies_of_the_examples_move_no_emotion(run: Run, tmp_path: Path) -> None:
    script = run("invariance", "--out", tmp_path / "invariance.csv")
    assert lines(tmp_path / "invariance.csv") == 1 + 5 * len(script.CHANGES)


# --- catalogues and the service ---


def missed_limits(call: Callable[[], object]) -> None:
    """Limits are for a quiet machine; that the script gets as far as to compare them is enough."""
    try:
        call()
    except SystemExit as ended:
        if not str(ended).startswith("not reached"):
            raise


def test_catalog(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "catalog.csv"
    sizes = ("--pieces", 1_000, "--folder", tmp_path, "--out", out)
    missed_limits(lambda: run("catalog", *sizes, "--queries", 8))
    assert lines(out) == 9


def test_playlist(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "playlist.csv"
    run("playlist", "--pieces", 300, "--playlists", 5, "--out", out)
    with out.open() as file:
        ordered, chosen = csv.DictReader(file)
    assert 1 <= float(ordered["way_to_best"]) <= float(chosen["way_to_best"])


def test_store(run: Run, tmp_path: Path) -> None:
    run("store", "--tracks", 40, "--out", tmp_path / "store.csv")
    assert lines(tmp_path / "store.csv") > 5


@pytest.mark.usefixtures("loopback")
def test_serve(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    small = {
        "PARTS": {"uploads": (3, 0.1)},
        "UPLOADS": 1,
        "UPLOAD_S": 4,
        "READY_S": 0.0,
        "WARM_S": 0.2,
    }
    sizes = ("--pieces", 1_000, "--seconds", 3, "--folder", tmp_path)  # for one search at least
    missed_limits(lambda: run("serve", *sizes, "--out", tmp_path / "serve.csv", **small))
    assert lines(tmp_path / "serve.csv") == 2


@pytest.mark.usefixtures("loopback")
def test_page(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no browser here")
    small = {"PIECES": 1_000, "MINUTES": 0.1, "PAINTS": 1, "STEPS": 5, "STILL_S": 0.2}
    options = ("--folder", tmp_path, "--browser", browser, "--out", tmp_path / "page.csv")
    run("page", *options, **small, PLAYS_S=0.5)
    assert lines(tmp_path / "page.csv") == 6


@pytest.mark.usefixtures("loopback")
def test_page_library(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no browser here")
    small = {"PIECES": 500, "PAINTS": 1, "TYPED": ("rain",), "ROUNDS": 1, "WHEELS": 5}
    options = ("--folder", tmp_path, "--browser", browser, "--out", tmp_path / "library.csv")
    run("page_library", *options, **small, ENDS_S=0.3)
    assert lines(tmp_path / "library.csv") == 15


# --- encoders ---


def test_encoders(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    from hevner.encoders.large import LARGE
    from hevner.encoders.mert import architecture

    name = "mert-v1-95m"
    size = architecture.Size(32, 2, 4, 48, stable=False, channels=16)
    card = replace(LARGE[name].card, states=(size.width,) * 3)
    monkeypatch.setitem(architecture.SIZES, name, size)
    card = replace(card.choose("0+2"), id=name)
    monkeypatch.setitem(LARGE, name, replace(LARGE[name], card=card))
    monkeypatch.setenv("HEVNER_HOME", str(tmp_path))
    here = load("encoders", monkeypatch)
    monkeypatch.setattr(here, "RUNS", 1)

    def apart(_where: str, encoder: str, threads: int) -> dict[str, float]:
        return here.measure_cpu(encoder, threads)

    monkeypatch.setattr(here, "apart", apart)
    options = ("--folder", tmp_path, "--encoder", name, "--threads", 1, "--out", tmp_path / "e.csv")
    monkeypatch.setattr(sys, "argv", ["encoders.py", *map(str, options)])
    here.main()
    assert lines(tmp_path / "e.csv") > 5


def test_jukebox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from hevner.encoders.jukebox import architecture, layouts
    from hevner.encoders.large import LARGE
    from tests.encoders.small_jukebox import SMALL

    name, small = "jukebox-5b", SMALL["5b"]
    here = load("jukebox", monkeypatch)
    layout = layouts.original(small)
    shapes = architecture.shapes(small)
    tables = {
        "jukebox_vqvae": {layout.name(n): s for n, s in shapes.items() if n.startswith("codec")},
        "jukebox_prior_5b": {
            layout.name(n): s for n, s in shapes.items() if not n.startswith("codec")
        },
    }
    samples = small.tokens * small.codec.hop
    card = replace(
        LARGE[name].card,
        window_samples=samples,
        states=(small.music.width,) * (len(small.music.kinds) + 1),
        chosen=(len(small.music.kinds),),
        dimension=small.music.width,
    )
    monkeypatch.setitem(architecture.ARCHITECTURES, name, small)
    monkeypatch.setitem(LARGE, name, replace(LARGE[name], card=card))
    monkeypatch.setattr(here, "table", tables.__getitem__)
    monkeypatch.setattr(here, "BATCHES", (1,))
    for step in here.STEPS:
        options = argparse.Namespace(
            step=step, threads=1, encoder=name, folder=tmp_path, seconds=1.0
        )
        assert here.step(options)["s in all"] > 0


def test_probe_random(run: Run, tmp_path: Path, clips: Path) -> None:
    pytest.importorskip("transformers")
    track = SimpleNamespace(id="one", path=clips / "clip.wav")
    known = SimpleNamespace(load=lambda _name, _folder: SimpleNamespace(tracks=[track]))
    run("probe_random", tmp_path, tmp_path / "vectors.npz", datasets=known)
    with np.load(tmp_path / "vectors.npz") as arrays:
        assert arrays["vectors"].shape == (1, 7 * 192)


def test_paper_costs(run: Run, tmp_path: Path) -> None:
    out, one = tmp_path / "costs.csv", lambda *_: ThreadPoolExecutor(1)
    replaced = {"ProcessPoolExecutor": one, "fit": lambda *_: None}  # the one fit is long
    run("paper_costs", "--out", out, "--share", "0.03", **replaced)
    rows = list(csv.DictReader(out.read_text("utf-8").splitlines()))
    assert {row["paper"] for row in rows} == {"distribution_gap", "unified", "composite_loss"}
    assert all(float(row["cpu_s"]) > 0 for row in rows[:-2])


# --- research ---


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What replaces reading recipes and gathering features: three small made-up sets."""
    plan = read_toy(tmp_path, monkeypatch)
    rng = np.random.default_rng(0)
    *rated, cuts = (world(rng, name, 60) for name in SETS)
    table = stack(*rated, replace(cuts, emotion=np.full((60, 2), np.nan)))
    table = replace(table, group=table.clip)
    return {"read": lambda *_arguments: plan, "build": lambda *_arguments: table}


def test_transfer(run: Run, tmp_path: Path, toy: dict[str, object]) -> None:
    files = ("--data", tmp_path, "--store", tmp_path, "--out", tmp_path / "out.csv")
    run("transfer", "toy.toml", *files, **toy)
    assert lines(tmp_path / "out.csv") == 9


def test_held_out(run: Run, tmp_path: Path, toy: dict[str, object]) -> None:
    files = [tmp_path / "old.npz", tmp_path / "new.npz"]
    for file in files:
        where = ("--data", tmp_path, "--store", tmp_path, "--out", file)
        run("held_out", "keep", "toy.toml", *where, "--seeds", 1, **toy)
    run("held_out", "compare", *files, "--out", tmp_path / "out.csv")
    rows = (tmp_path / "out.csv").read_text("utf-8").splitlines()
    assert len(rows) > 8
    assert all(row.endswith("0.0000,0.0000,0.0000") for row in rows[1:])


def test_within(
    run: Run,
    tmp_path: Path,
    toy: dict[str, object],
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = load("within", monkeypatch)
    table, seconds = toy["build"](), np.arange(90.0)  # type: ignore[operator]
    pieces = {}
    for clip in table.clip[table.dataset == "pieces"][:12]:
        ratings = [np.sin(seconds / 9), np.cos(seconds / 9)]
        raters = [one + 0.1 * rng.normal(size=(6, 90)) for one in ratings]
        curve = Curve(seconds, *ratings, None, None, *raters)  # type: ignore[arg-type, call-arg]
        vectors = rng.normal(size=(30, WIDTH)).astype(np.float32)
        times = 1.5 + 3.0 * np.arange(30)
        pieces[clip] = here.Piece(curve, vectors[:1], vectors, np.ones(30, bool), times)
    others = {"pieces_of": lambda *_: pieces, "load_tracks": lambda *_: {}}
    files = ("--data", tmp_path, "--store", tmp_path, "--out", tmp_path / "out.csv")
    run("within", "toy.toml", *files, "--seeds", 2, **toy, **others, refuse_leaks=lambda *_: None)
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        found = {(row["protocol"], row["metric"]): row for row in csv.DictReader(file)}
    # The toy has no ratings over time to train on: a moment has the value of its window.
    assert float(found["course less windows", "valence within-piece r, 5 s"]["value"]) == 0
    assert float(found["ceiling", "arousal within-piece r, 5 s"]["value"]) > 0.9
    assert len(found) == 6 + 20 * 5
    assert found["course", "valence coverage"]["n"] == "12"


def test_a_curve_that_follows_listeners_scores_one(monkeypatch: pytest.MonkeyPatch) -> None:
    here = load("within", monkeypatch)
    seconds = np.arange(60.0)
    rising, falling = seconds / 60, -seconds / 60
    piece = here.Piece(Curve(seconds, rising, falling), None, None, np.ones(20, bool), seconds[::3])
    values = np.stack([rising, rising], axis=1)[::3]
    line = here.Line(values, np.full((20, 2), 0.01))
    assert here.within_r(piece, line, 0, 10, 0.0) == pytest.approx(1, abs=0.01)
    assert here.within_r(piece, line, 1, 10, 0.0) == pytest.approx(-1, abs=0.01)
    assert np.isnan(here.within_r(piece, line, 0, 15, 15.0))
    assert here.covered(piece, line, 0) == 1
    assert here.covered(piece, line, 1) < 0.1


def test_own(run: Run, tmp_path: Path, toy: dict[str, object]) -> None:
    """Labels that follow the sound are learned, and nothing is worse than without the start."""
    own = read_recipe(ROOT / "recipes" / "own.toml", OwnRecipe)
    recipes = {"base.toml": toy["read"](), "own.toml": own}  # type: ignore[operator]
    out = tmp_path / "out.csv"
    files = ("--base", "base.toml", "--data", tmp_path, "--store", tmp_path, "--out", out)
    run("own", "own.toml", *files, build=toy["build"], read=lambda path, _: recipes[path.name],
        SETS={("songs",): ("valence",), ("pieces",): ("quadrant",)}, SIZES=(20,),
        SEEDS=2, RESAMPLES=20)  # fmt: skip
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["labels"] for row in rows if row["metric"] == "coverage"] == ["20", "45"]
    for row in rows:
        if row["metric"] in ("r", "auc"):
            assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
    values = {(r["label"], r["labels"], r["metric"], r["system"]): float(r["value"]) for r in rows}
    assert values["valence", "45", "r", "own"] > 0.5
    for label, labels, metric, system in values:
        if system == "own" and metric in ("r2", "auc"):
            assert values[label, labels, metric, "own"] > values[label, labels, metric, "nothing"]


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A folder of data: 24 rated clips of 2 s in three genres, and 12 songs in quadrants."""
    random, folder = np.random.default_rng(3), tmp_path / "data"
    rated = ["id,GENRE,TRACK_TITLE,ARTIST,valence,valence_SD,arousal,arousal_SD"]
    for k in range(24):
        valence, arousal = random.uniform(1.5, 4.5, 2)
        rated.append(f"{k},{'abc'[k % 3]},title,artist {k // 2},{valence},1,{arousal},1")
        write(folder / "musifeast" / "audio" / f"{k}.wav", music(2.0))
    quadrants = ["id,quadrant,artist,title,moods,genres"]
    for k in range(12):
        quadrants.append(f"{k},Q{1 + k % 4},artist {k},title,Wry,Rock")
        write(folder / "quadrants4q" / "audio" / f"{k}.wav", music(2.0))
    (folder / "musifeast" / "ratings.csv").write_text("\n".join(rated))
    (folder / "quadrants4q" / "songs.csv").write_text("\n".join(quadrants))
    return folder


def say(path: Path, data: Path, *, noise: float, system: str = "") -> None:
    """Write predictions: the rated values, disturbed, and for quadrants their middle."""
    from hevner import datasets

    random, rows = (
        np.random.default_rng(4),
        [f"dataset,id,valence,arousal{',system' * bool(system)}"],
    )
    sides = {"Q1": (0.5, 0.5), "Q2": (-0.5, 0.5), "Q3": (-0.5, -0.5), "Q4": (0.5, -0.5)}
    for name in ("musifeast", "quadrants4q"):
        for track in datasets.load(name, data / name):
            place = sides[track.quadrant.name] if track.quadrant else (track.valence, track.arousal)
            values = np.add(place, noise * random.normal(size=2))
            rows.append(
                ",".join([name, track.id, *map(str, values), *([system] if system else [])])
            )
    path.write_text("\n".join(rows))


def test_peers(run: Run, tmp_path: Path, songs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    say(tmp_path / "hevner.csv", songs, noise=0.05)
    say(tmp_path / "peer.csv", songs, noise=2.0, system="peer")
    out = tmp_path / "out.csv"
    run("peers", "score", tmp_path / "hevner.csv", tmp_path / "peer.csv", "--data", songs,
        "--out", out)  # fmt: skip
    with out.open(newline="") as file:
        rows = {(r["dataset"], r["metric"], r["system"]): r for r in csv.DictReader(file)}
    good, bad = (rows["musifeast", "valence r", name] for name in ("hevner", "peer"))
    assert (good["n"], good["groups"], good["difference"]) == ("24", "12", "")
    assert float(good["value"]) > 0.95 > float(bad["value"])
    gained = float(good["value"]) - float(bad["value"])
    assert float(bad["difference"]) == pytest.approx(gained, abs=2e-4)
    assert 0 < float(bad["difference_low"]) < gained < float(bad["difference_high"])
    assert rows["musifeast", "valence r within genres", "hevner"]["n"] == "24"
    assert rows["quadrants4q", "quadrants by signs", "hevner"]["value"] == "1.0000"
    assert rows["quadrants4q", "valence AUC, happy / sad", "hevner"]["n"] == "6"
    assert "| musifeast, valence r (n 24) | " in capsys.readouterr().out


def test_sets_are_predicted_by_a_model_that_has_not_seen_them(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    toy = read_toy(tmp_path, monkeypatch)
    table = stack(*(world(rng, name, 40) for name in toy.sets))
    seen: list[set[str]] = []

    def fit(rows: Table, recipe: DefaultRecipe) -> predict.Model:
        seen.append(set(rows.dataset))
        return fit_default(rows, recipe)

    out = tmp_path / "out.csv"
    run("peers", "predict", "--data", tmp_path, "--store", tmp_path, "--out", out, SETS=("songs",),
        read=lambda *_: toy, build=lambda *_: table, fit=fit)  # fmt: skip
    assert seen == [set(toy.sets) - {"songs"}]
    assert lines(out) == 1 + 40


def test_a_shift_of_a_genre_is_no_error_within_genres(
    tmp_path: Path, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hevner import datasets

    tracks = list(datasets.load("musifeast", songs / "musifeast"))
    shifted = [(t.valence + 5 * (t.genre == "b"), t.arousal, np.nan) for t in tracks]
    rows = np.arange(len(tracks))
    scores = {
        question.name: question.score(np.array(shifted, float), rows)
        for question in load("peers", monkeypatch).questions(tracks)
    }
    assert scores["valence r within genres"] == pytest.approx(1)
    assert scores["valence r"] < 0.6


def test_shared_clips_and_a_peer_that_lacks_clips_are_left_out(
    run: Run, tmp_path: Path, songs: Path
) -> None:
    say(tmp_path / "hevner.csv", songs, noise=0.05)
    say(tmp_path / "peer.csv", songs, noise=2.0, system="peer")
    said = (tmp_path / "peer.csv").read_text().splitlines()
    (tmp_path / "peer.csv").write_text("\n".join(said[:1] + said[2:]))
    (tmp_path / "leaks.csv").write_text(
        "first,second\nmusifeast/7,mirex/1\nmusifeast/1,musifeast/2"
    )
    run("peers", "score", tmp_path / "hevner.csv", tmp_path / "peer.csv", "--data", songs,
        "--leaks", tmp_path / "leaks.csv", "--out", tmp_path / "out.csv")  # fmt: skip
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(row["dataset"], row["system"]) for row in rows}
    assert ("musifeast", "peer") not in found
    assert {row["n"] for row in rows if row["dataset"] == "musifeast"} == {"23"}
    assert {("musifeast", "hevner"), ("quadrants4q", "peer")} < found


def test_peer_predictions_go_on_where_they_stopped(run: Run, tmp_path: Path, songs: Path) -> None:
    clips, out = tmp_path / "clips.csv", tmp_path / "out.csv"
    run("peers", "clips", "--data", songs, "--renders", tmp_path, "--out", clips)
    asked = []

    def system(path: str) -> dict[str, dict[str, float]]:
        assert Path(path).is_file()
        asked.append(path)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return {"essentia-emomusic": {"valence": 0.5, "arousal": -0.5}}

    words = (clips, out, "--models", tmp_path, "--systems", "essentia")
    with pytest.raises(KeyboardInterrupt):
        run("peer_predictions", *words, essentia=lambda _models: system)
    run("peer_predictions", *words, essentia=lambda _models: system)
    assert (len(asked), lines(out)) == (37, 37)
    assert out.read_text().splitlines()[1] == "musifeast,0,essentia-emomusic,0.50000,-0.50000,,,,,"


def test_other_weights_of_a_peer_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deam-musicnn-msd-1.pb").write_bytes(b"other")
    with pytest.raises(SystemExit, match="ea282454"):
        load("peer_predictions", monkeypatch).checked(tmp_path / "deam-musicnn-msd-1.pb")


def test_worst(run: Run, tmp_path: Path, songs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The clip whose prediction was exchanged for its opposite is named first."""
    from hevner import datasets
    from hevner.lab.data import corpus

    for name in ("musifeast", "quadrants4q"):
        for track in datasets.load(name, songs / name):
            corpus.keep(track, corpus.Variant(), tmp_path / "store")
    said = tmp_path / "hevner.csv"
    say(said, songs, noise=0.01)
    far = said.read_text().splitlines()
    valence = [float(line.split(",")[2]) for line in far[1:25]]
    most = int(np.argmax(valence))
    far[1 + most] = f"musifeast,{most},{-valence[most]},0"
    said.write_text("\n".join(far))
    out = tmp_path / "out.csv"
    words = ("--data", songs, "--store", tmp_path / "store", "--count", 3, "--out", out)
    run("worst", said, *words)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), rows[0]["id"], rows[0]["genre"]) == (3, str(most), "abc"[most % 3])
    assert float(rows[0]["onsets_per_s"]) >= 0
    assert "| genre | n | rated |" in capsys.readouterr().out


def test_tempo(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "tempo.csv"
    words = ["--data", tmp_path, "--out", out, "--limit", 2, "--parts", "nothing", "examples"]
    run("tempo", *words)
    rows = [line.split(",") for line in out.read_text().splitlines()]
    assert {row[0] for row in rows} == {"set", "nothing", "examples"}
    assert {row[1] for row in rows} == {"system", "hevner", "librosa"}


def test_fingerprint(run: Run, tmp_path: Path) -> None:
    for number, dataset in enumerate(("musemo", "emotify")):
        for k in range(3):
            noise = np.random.default_rng(10 * number + k).normal(size=16_000 * 9)
            write(tmp_path / dataset / "audio" / f"{k}.wav", (0.1 * noise).astype(np.float32))
    run("fingerprint", "--data", tmp_path, "--out", tmp_path / "out.csv", PAIRS=3)
    assert lines(tmp_path / "out.csv") > 8


def test_leaks(run: Run, tmp_path: Path, songs: Path) -> None:
    """A song of another set by the same artist is found, and so is its sound, disturbed."""
    sound = np.random.default_rng(7).normal(size=16_000 * 9).astype(np.float32) * 0.1
    write(songs / "musifeast" / "audio" / "3.wav", sound)
    write(songs / "quadrants4q" / "audio" / "5.wav", 0.5 * sound[8_000:])
    out = tmp_path / "out.csv"
    run("leaks", "--data", songs, "--sets", "musifeast", "quadrants4q", "--out", out)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(row["kind"], frozenset({row["first"], row["second"]})) for row in rows}
    assert ("sound", frozenset({"musifeast/3", "quadrants4q/5"})) in found
    assert ("artist", frozenset({"musifeast/0", "quadrants4q/0"})) in found
    assert len([row for row in rows if row["kind"] == "artist"]) == 12


def test_seen(run: Run, tmp_path: Path) -> None:
    musemo(tmp_path / "data" / "musemo", 3)
    out = tmp_path / "seen.csv"
    run("seen", "--data", tmp_path / "data", "--store", tmp_path, "--out", out, SETS=("musemo",))
    assert lines(out) == 8  # clips shorter than 5 s have no sound to be known by


def test_training_music(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    musemo(tmp_path / "data" / "musemo", 3)
    model = tmp_path / "mine.onnx"
    card = json.loads(DEFAULT_MODEL.with_suffix(".json").read_text("utf-8"))
    model.with_suffix(".json").write_text(json.dumps(card | {"data": [{"name": "musemo"}]}))
    model.touch()
    folders = ("--data", tmp_path / "data", "--store", tmp_path / "store")
    run("training_music", "--model", model, *folders)
    assert "3 tracks, 3 fingerprints" in capsys.readouterr().out
    kept = known.load(model)
    assert kept is not None
    assert {one.dataset for one in kept.tracks} == {"musemo"}


def test_tables(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("tables")
    assert "beside Essentia's heads and VibeNet" in capsys.readouterr().out


def test_sound_kind(run: Run, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for kind in ("speech", "effects", "crowd", "tones", "music-solo"):
        for source in ("first", "second"):
            noise = 0.1 * random.standard_normal(64_000).astype(np.float32)
            sound = music(4.0) if kind == "music-solo" else noise
            for number in range(4):
                write(tmp_path / "sounds" / kind / f"{kind}-{source}" / f"{number}.wav", sound)
    for name in ("musemo", "film"):
        write(tmp_path / "data" / name / "0.wav", music(4.0))
    table, weights = tmp_path / "table.csv", tmp_path / "kinds.npz"
    arguments = ("--sounds", tmp_path / "sounds", "--data", tmp_path / "data")
    kept = ("--vectors", tmp_path / "vectors", "--save", "--out", table)
    changed = {"SOUND_KIND": weights, "SETS": ("musemo", "film")}
    run("sound_kind", *arguments, *kept, **changed, _genres=lambda _data: {})
    rows = table.read_text("utf-8").splitlines()
    assert rows[0] == "measure,subset,n,value,low,high"
    assert any(row.startswith('no_music,"recordings of music, all",2,') for row in rows)
    assert any(row.startswith("auc,all,42,") for row in rows)
    assert weights.exists()


def test_words(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    script = load("words", monkeypatch)
    values = random.uniform(-0.8, 0.8, (40, 2))
    truth = values + random.normal(0, 0.1, (40, 2))
    quadrant = np.array([0 if v > 0 < a else 1 if a > 0 else 2 if v < 0 else 3 for v, a in truth])
    common = (np.full((40, 2), 0.2), truth, quadrant, np.full((40, 4), 0.25))
    made = script.Predicted("folds", "made up", values, *common, np.arange(40).astype(str))
    table = tmp_path / "table.csv"
    monkeypatch.setattr(script.pickle, "dumps", lambda _known: b"")
    monkeypatch.setattr(script.pickle, "loads", lambda _content: [made])
    files = ("--data", tmp_path, "--store", tmp_path, "--keep", tmp_path / "kept", "--out", table)
    run("words", *files, held_out=lambda *_: [made])
    rows = table.read_text("utf-8").splitlines()
    assert rows[0] == "protocol,dataset,what,n,value,low,high"
    assert any(",quadrant of the values,40," in row for row in rows)
    assert any(",plain WORD," in row for row in rows)


def test_words_are_judged_by_models_that_have_not_seen_the_piece(
    tmp_path: Path, toy: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (("recipes", "read"), ("default.table", "build")):
        monkeypatch.setattr(f"hevner.lab.{module}.{name}", toy[name])
    told = load("words", monkeypatch).held_out(tmp_path, tmp_path, tmp_path)
    sizes = {(one.protocol, one.dataset): len(one.values) for one in told}
    rated = ("songs", "pieces", "cuts")
    assert sizes == {(way, name): 60 for way in ("folds", "left out") for name in rated}
    by_name = {(one.protocol, one.dataset): one for one in told}
    folds, left_out = (by_name[way, "songs"] for way in ("folds", "left out"))
    assert np.abs(folds.values - folds.truth).mean() < 0.1
    assert np.abs(np.sort(folds.truth, axis=0) - np.sort(left_out.truth, axis=0)).max() == 0
    assert not np.array_equal(folds.values, left_out.values)


def test_tags(run: Run, tmp_path: Path) -> None:
    recipe, table = tmp_path / "tags.toml", tmp_path / "table.csv"
    jamendo(tmp_path / "mtg_jamendo", np.random.default_rng(1))
    recipe.write_text(
        f'vectors = "{VECTORS}"\nartist_power = 0.5\nnetworks = 2\nhidden = 16\nbatch = 16\n'
        "epochs = 12\nlearning_rate = 0.01\n"
    )
    folders = ("--data", tmp_path, "--vectors", tmp_path / "mtg_jamendo")
    changed = {"SEEDS": 2, "RESAMPLES": 50, "PENALTIES": (1, 1e6)}
    run("tags", *folders, "--recipe", recipe, "--out", table, **changed)
    with table.open(encoding="utf-8") as file:
        rows = {(row["system"], row["metric"]): row for row in csv.DictReader(file)}
    row = rows["yamnet-tags", "ROC AUC"]
    assert (row["n"], row["groups"], row["seeds"]) == ("80", "20", "2")
    assert float(row["low"]) < float(row["value"]) < float(row["high"])
    assert float(row["value"]) > 0.9
    assert abs(float(rows["baseline", "ROC AUC"]["value"]) - 0.5) < 0.05
    assert float(rows["yamnet-tags - baseline", "PR AUC"]["low"]) > 0.3
    assert ("ridge, penalty 1", "PR AUC") in rows
    assert float(rows["yamnet-tags", "slope"]["value"]) > 1


def test_explanations_are_measured(tmp_path: Path, run: Run) -> None:
    from tests.lab.test_explanation_fit import CHANGES, Toy, fit, moved
    from tests.lab.test_explanation_fit import RECIPE as EXPLAINED
    from tests.lab.test_explanation_fit import music as clips_of

    rng = np.random.default_rng(0)
    songs, changed = clips_of(rng), moved(rng)
    out = tmp_path / "explain.csv"
    run("explain", "--data", tmp_path, "--store", tmp_path, "--out", out,
        recipes=SimpleNamespace(read=lambda *_: EXPLAINED),
        load=lambda *_: songs,
        changes=SimpleNamespace(load=lambda *_, **__: changed, CHANGES=CHANGES),
        load_explanation=lambda _: fit.fit(EXPLAINED, songs, changed, Toy(), ""),
        predict=SimpleNamespace(load=lambda _: Toy()),
        place=lambda _: tmp_path)  # fmt: skip
    rows = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    assert {row["measure"] for row in rows} >= {"right signs", "correlation", "share of variance"}
