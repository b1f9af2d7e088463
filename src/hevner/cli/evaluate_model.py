"""``hevner evaluate --model``: score a finished model on labelled music."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from hevner.cli.data_options import NAME_IT, Run
from hevner.cli.progress import FAILED, FINE, Reporter, say, stopping, usage_errors
from hevner.errors import DataError

if TYPE_CHECKING:
    from hevner.datasets.track import Track
    from hevner.lab.scoring.known import Verdict
    from hevner.lab.scoring.page import Sheet
    from hevner.model.registry import Entry


SeenChoice = Literal["refuse", "label", "drop"]
"""What happens with music that the model was trained on."""


@dataclass(frozen=True)
class Wanted:
    """The model to score, and how.

    Attributes
    ----------
    model
        Its name or file.
    soundfont
        Soundfont that MIDI is rendered with.
    seen
        What happens with music that it was trained on.
    sound
        Whether the page gets excerpts.
    """

    model: str
    soundfont: str
    seen: SeenChoice
    sound: bool


def evaluate_model(wanted: Wanted, run: Run) -> None:
    """Score a model on every dataset that is there; write a table, and a page beside it."""
    from hevner.files import write_file
    from hevner.lab.metrics.report import write
    from hevner.lab.scoring.page import page, player
    from hevner.model import registry

    with usage_errors():
        entry, graph = registry.find(wanted.model), registry.path_of(wanted.model)
        names = run.folders.available()
        if not names:
            raise DataError("no dataset there", remedy=NAME_IT, code="no_tracks")
        found = {name: _tracks(name, run) for name in names}
    if run.dry:
        for name, tracks in found.items():
            typer.echo(f"{entry.name} on {name}: {len(tracks)} labelled tracks with audio or MIDI")
        return
    sheets: list[Sheet] = []
    failed = False
    with stopping():
        for name, tracks in found.items():
            sheet, failures = _score(entry, graph, name, tracks, wanted, run)
            failed |= bool(failures) or sheet is None
            sheets += [sheet] if sheet else []
    rows = [row for sheet in sheets for row in sheet.rows]
    if rows:
        play = player(run.store, wanted.soundfont) if wanted.sound else lambda _track: ""
        title = f"{entry.name} on {', '.join(names)}"
        write(rows, run.out)
        place = run.out.with_suffix(".html")
        write_file(place, page(sheets, title, play).encode("utf-8"))
        _print(rows)
        say(f"{run.out}: {len(rows)} rows; {place}: plots and the worst errors")
    raise typer.Exit(FAILED if failed or not rows else FINE)


def _tracks(name: str, run: Run) -> list[Track]:
    """Tracks of a dataset that have labels and a media file."""
    from hevner import datasets
    from hevner.datasets.labels import label_table

    dataset = datasets.load(name, run.folders[name], partial=True)
    for finding in dataset.problems:
        say(f"Left out: {finding.subject}: {finding.cause}")
    tracks = [t for t in dataset if t.media is not None and label_table([t]).kinds]
    if not tracks:
        raise DataError(
            "no labelled track with audio",
            subject=f"{name}, {run.folders[name]}",
            remedy=f"'hevner datasets check {name} {run.folders[name]}' says what is there",
            code="no_tracks",
        )
    return tracks


def _score(
    entry: Entry, graph: Path, name: str, tracks: list[Track], wanted: Wanted, run: Run
) -> tuple[Sheet | None, list[str]]:
    """The scores of a dataset, None if it is refused, and the tracks that failed."""
    from hevner.lab.data.representations import fingerprints
    from hevner.lab.scoring import known, readings, scores
    from hevner.lab.scoring.page import Sheet
    from hevner.store import FeatureStore

    music = known.load(graph)
    if name != "own":  # names of one's own tracks say nothing without their sound
        early = known.compare(music, entry.trained_on, tracks, {})
        if _refused(early, name, entry, wanted):
            return None, []
    tracks, failures = _prepared(tracks, wanted, run)
    if len(tracks) < scores.FEWEST:
        say(f"{name}: fewer than {scores.FEWEST} tracks could be analysed; not scored.")
        return None, failures
    words = fingerprints(FeatureStore(run.store), tracks)
    verdict = known.compare(music, entry.trained_on, tracks, words)
    say(f"{name}, training music: {verdict.label}")
    if _refused(verdict, name, entry, wanted):
        return None, failures
    seen, status = verdict.names == "seen", verdict.names
    if wanted.seen == "drop" and seen.any():
        tracks = [track for track, one in zip(tracks, seen, strict=True) if not one]
        status = status[~seen]
        if len(tracks) < scores.FEWEST:
            say(f"{name}: nothing is left to score.")
            return None, failures
    read = readings.read(graph, tracks, run.store, wanted.soundfont, run.jobs)
    own = {head: tuple(entry.card.get(head, ())) for head in ("classes", "own_tags")}
    named, notes = scores.scores_of(read, own)
    for note in notes:
        say(f"Note: {name}: {note}.")
    rows = scores.rows_of(read, named, status, {"model": entry.name, "dataset": name})
    facts = [
        f"Training music: {verdict.label}.",
        f"{len(tracks)} tracks, {len({track.group for track in tracks})} groups. Intervals are "
        "95 %, by a bootstrap over groups.",
        *(f"{note[0].upper()}{note[1:]}." for note in notes),
        *(["Not analysed: " + "; ".join(failures)] if failures else []),
    ]
    warned = bool((status != "unseen").any())
    axes, classes = scores.pictures(read, own)
    return Sheet(f"{entry.name} on {name}", facts, warned, rows, tracks, axes, classes), failures


def _refused(verdict: Verdict, name: str, entry: Entry, wanted: Wanted) -> bool:
    """Whether a dataset is not scored, as the model was trained on some of it; says so."""
    seen = verdict.names == "seen"
    if not seen.any() or wanted.seen != "refuse":
        return False
    from hevner.lab.scoring.known import TEST

    example = verdict.example
    if example.startswith(f"{TEST}/"):
        example = f"{name}{example.removeprefix(TEST)}"
    say(
        f"Error: {seen.sum()} of {len(seen)} tracks of {name} are known to {entry.name} from "
        f"training ({example}). Scores on them flatter it: --seen drop leaves them out, "
        "--seen label scores them too, apart."
    )
    return True


def _prepared(tracks: Sequence[Track], wanted: Wanted, run: Run) -> tuple[list[Track], list[str]]:
    """Tracks that are analysed, and a sentence for each that cannot be."""
    from hevner.lab.scoring.readings import prepare

    fine, failures = [], []
    results = prepare(tracks, run.store, wanted.soundfont, run.jobs)
    with closing(results), Reporter(len(tracks), True, "Analysing") as reporter:
        for done in results:
            if done.error is None:
                fine.append(done.track)
            else:
                failures.append(f"{done.track.id}: {done.error}")
                reporter.say(f"Failed: {failures[-1]}")
            reporter.advance()
    return fine, failures


SHOWN = ("r", "ccc", "r2", "r2_affine", "coverage", "accuracy", "accuracy by signs", "mean auc",
         "auc", "mean ap", "r within a piece")  # fmt: skip
"""Metrics that are printed; the table has all."""


def _print(rows: Sequence[dict[str, object]]) -> None:
    """Print the main scores."""
    for row in rows:
        if row["metric"] in SHOWN:
            ends = "" if row["low"] is None else f" ({row['low']:.2f} to {row['high']:.2f})"
            typer.echo(
                f"{row['dataset']}, {row['music']}: {row['label']} {row['metric']} "
                f"{row['value']:.2f}{ends}, n {row['n']}, groups {row['groups']}"
            )
