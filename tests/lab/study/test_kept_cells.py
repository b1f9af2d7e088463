"""Names of kept cells stay the same, so that cells of earlier versions are found.

The names below come from the version that had an engine for each kind of study; all of them hold
for version 0.1.0, which is part of what they digest.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

from hevner.errors import DataError, OutputError
from hevner.lab.cross_dataset import study as cross_dataset
from hevner.lab.cross_dataset.experiments import StudyData
from hevner.lab.data.samples import label
from hevner.lab.joint import study as joint
from hevner.lab.joint.data import MatchingData, emotions_of
from hevner.lab.probe import study as probe
from hevner.lab.probe.states import Probe
from hevner.lab.recipe_types import plain
from hevner.lab.study import engine, kept
from hevner.lab.study.kinds import open_recipe
from hevner.lab.study.splits import group_numbers, joined_links
from hevner.lab.unified import study as unified
from hevner.lab.unified.chord_sequence import ChordSequence
from hevner.lab.unified.data import DatasetPart
from tests.errors import raises
from tests.lab.study import toys

Study = engine.Study

# Cells, the first name, the last, and a digest of all names.
NAMES = {
    "cross-dataset": (
        45, "fc0cf5278b9d03e710948186110c045c", "deaefc1b6845888868a5d529e7af2b1a",
        "3731013c8e162dd77f40fd3e4819536f",
    ),
    "probe": (
        6, "a63278ab40925c2aba1bdb510cdd2568", "20f57b7940073c7e19eeeb4c7d9b2626",
        "28aef5c33c8db4778ab746174348f7c4",
    ),
    "probe of two widths": (
        6, "8984818166e38e811a5d435eea63e4ce", "0d080516d879cdb5cb0b18fae92b17d0",
        "29941f30b13811e3b878950e2cab9380",
    ),
    "unified": (
        34, "fd2f19275fd2952097e1bc1d62c21a7b", "09b88796112f6d29390eb46511c87507",
        "974f5f0dee26528979fdfaef47e7d614",
    ),
    "joint": (
        66, "251825aa5e12d9e8d56d4f615044ee7d", "6b325a3db211ee58b9b9a50521034478",
        "d78dfbfbbdeaef523857ca05976c1601",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _version(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cross_dataset, joint, probe, unified):
        monkeypatch.setattr(module, "__version__", "0.1.0")


def toy_data(*names: str) -> StudyData:
    tracks, blocks = toys.tracks_and_blocks(*names)
    return StudyData.of(tracks, label(tracks, blocks))


def unified_part(name: str) -> DatasetPart:
    tracks, blocks = toys.tracks_and_blocks(name)
    chord = ChordSequence(
        np.array([0, 7]), np.array([0, 0]), np.array([1.0, 2.0], np.float32), minor=0.75
    )
    soft = {} if name == "vgmidi" else {"soft": np.abs(blocks["noise"].astype(float))}
    return DatasetPart(
        tracks, label(tracks, blocks), soft, {"repaired": (chord,) * len(tracks)}
    )  # fmt: skip


def matching_part(recipe, name: str) -> MatchingData:
    tracks, blocks = toys.tracks_and_blocks(name)
    source = recipe.datasets[name]
    vectors = tuple(blocks[block].astype(np.float64) for block in source.blocks)
    groups = group_numbers(tracks, joined_links(source.shared))
    return MatchingData(tuple(tracks), vectors, (), emotions_of(source, tracks), groups)


def toy_study(name: str, folder: Path) -> Study:
    """One of the studies of `NAMES`."""
    if name.startswith("probe"):
        dataset, widths = ("musemo", (2,)) if name == "probe" else ("emopia", (1, 3))
        wanted = Probe(dataset, "sound", (), widths, folds=3, seeds=2)
        return probe.ProbeStudy(wanted, toy_data(dataset))
    texts = {"cross-dataset": toys.FUSION, "unified": toys.UNIFIED, "joint": toys.JOINT}
    path = folder / "recipe.toml"
    path.write_text(texts[name])
    kind, recipe = open_recipe(path)
    if name == "cross-dataset":
        return kind(recipe, toy_data("musemo", "vgmidi", "emopia"))
    if name == "unified":
        return kind(recipe, kind.join([unified_part(one) for one in recipe.datasets]))
    return kind(recipe, kind.join([matching_part(recipe, one) for one in recipe.datasets]))


@pytest.mark.parametrize("name", NAMES)
def test_names_of_kept_cells_have_not_changed(tmp_path: Path, name: str) -> None:
    study = toy_study(name, tmp_path)
    found = [study.file_name(cell) for cell in study.plan()]
    count, first, last, digest = NAMES[name]
    assert (len(found), found[0], found[-1]) == (count, f"{first}.npz", f"{last}.npz")
    assert hashlib.sha256("\n".join(found).encode()).hexdigest()[:32] == digest


def test_other_versions_make_other_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = toy_study("joint", tmp_path)
    cell = study.plan()[0]
    before = study.file_name(cell)
    monkeypatch.setattr(joint, "__version__", "0.1.1")
    assert study.file_name(cell) != before


def keep_as_before(study: Study, cell, folder: Path) -> None:
    """Write a cell as the engines of their own did."""
    split = cell.split
    rows = len(study.data.tracks)
    values = np.full((rows, 2), np.nan, np.float32)
    values[split.test] = study.data.labels["axes"][split.test] / 2
    np.savez_compressed(
        folder / study.file_name(cell), **{"values.axes": values, "spread.musemo": values}
    )


def test_cells_of_an_earlier_version_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = toy_study("unified", tmp_path)
    monkeypatch.setattr(
        type(study), "compute", lambda *_: pytest.fail("computed though it was kept")
    )
    cells = [cell for cell in study.plan() if cell.split.protocol == "leave-one-dataset-out"]
    for cell in cells:
        keep_as_before(study, cell, tmp_path)
    rows = study.table(engine.run(study, cells, tmp_path))
    scores = {(one["test"], one["output"], one["metric"]): one["value"] for one in rows}
    assert scores["musemo", "valence", "r"] == pytest.approx(1)
    assert scores["emopia", "arousal", "auc"] == pytest.approx(1)


# --- what names and files are made of ---


def test_parts_of_recipes_are_named_like_their_fields() -> None:
    @dataclasses.dataclass(frozen=True)
    class Inner:
        share: float = 0.5

    @dataclasses.dataclass(frozen=True)
    class Outer:
        names: tuple[str, ...] = ("a", "b")
        inner: Inner = dataclasses.field(default_factory=Inner)

    wanted = {"names": ["a", "b"], "inner": {"share": 0.5}}
    assert kept.file_name([Outer()]) == kept.file_name([wanted])
    assert kept.file_name(plain(Outer()) | {"names": ()}) == kept.file_name(wanted | {"names": []})


def test_a_digest_depends_on_numbers_shape_and_type() -> None:
    zeros = np.zeros((2, 3))
    others = [zeros, zeros.T, zeros.astype(np.float32), zeros + 1, zeros.ravel()]
    assert len({kept.digest(one) for one in others}) == len(others)
    assert kept.digest(zeros[:, ::2]) == kept.digest(np.zeros((2, 2)))


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    kept.write(tmp_path / "a.npz", {"x": np.arange(3)})
    assert kept.read(tmp_path / "a.npz")["x"].tolist() == [0, 1, 2]
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:60])
    with raises(DataError, "damaged_cell", subject="a.npz"):
        kept.read(tmp_path / "a.npz")


def test_tables_and_cells_without_a_folder_are_errors_of_output(tmp_path: Path) -> None:
    with raises(OutputError, "folder_missing"):
        kept.write_table(tmp_path / "no" / "table.csv", ("a",), [{"a": 1}])
    with raises(OutputError, "folder_missing"):
        kept.write(tmp_path / "no" / "cell.npz", {"a": np.zeros(2)})
