"""WCMED: excerpts of Western classical music, ranked in pairs (Fan et al., 2020)."""

from __future__ import annotations

from pathlib import Path

from hevner.datasets.card import Card, Defect
from hevner.datasets.findings import Findings
from hevner.datasets.layout import FILE, Layout, read_layout, read_tracks
from hevner.datasets.track import Track
from hevner.emotion import UNIT

LAYOUT = Layout(
    required=frozenset({"id", "valence", "arousal"}), scales={"valence": UNIT, "arousal": UNIT}
)
"""The layout is not published: these names are ours."""

RANKED = Defect(
    "ranked-scale",
    "Values come from pairwise ranking: nearly uniform by construction, without an absolute zero, "
    "so R2 against models of 1..9 ratings mixes errors of order and of scale.",
    "None; report correlation and CCC beside R2.",
)

CARD = Card(
    name="wcmed",
    title="WCMED",
    what="400 excerpts of Western classical music, 8 to 20 s each.",
    tracks=400,
    labels=("valence-arousal",),
    valence=UNIT,
    arousal=UNIT,
    raters="an unpublished number of people online, who said which of two excerpts is higher",
    group="the column group, else the artist, else the excerpt: composers are not published",
    licence="not stated",
    source="https://metacreation.net/ccmed_wcmed_soundscape/",
    layout=(
        "annotations.csv (id, valence, arousal)",
        "audio/<id>.wav",
        f"{FILE}, if columns or folders have other names",
    ),
    citation="""@inproceedings{fan2020comparative,
  author = {Fan, Jianyu and Yang, Yi-Hsuan and Dong, Kui and Pasquier, Philippe},
  title = {A Comparative Study of {Western} and {Chinese} Classical Music Based on Soundscape
           Models},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing},
  year = {2020}, eprint = {2002.09021}, archiveprefix = {arXiv}
}""",
    defects=(RANKED,),
)


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`. There is nothing to repair in the labels."""
    return read_tracks(CARD, folder, read_layout(folder, LAYOUT), findings)
