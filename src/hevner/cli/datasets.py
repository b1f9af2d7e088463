"""``hevner datasets``: what labelled music there is, what is wrong with it, and how it is split."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer import Argument, Option

from hevner.cli.data_options import Data, data_folders
from hevner.cli.group import Group
from hevner.cli.layout import write, write_entry, write_json
from hevner.cli.options import AsJson, names_of, scale_of
from hevner.cli.progress import FAILED, FINE, Reporter, say, usage_errors

SHOWN, SHOWN_PROBLEMS = 5, 100
"""Findings of one kind that a report for people lists; JSON has them all."""

_entry = partial(write_entry, indent=10, columns=96)

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="List, check and cite datasets of labelled music, show their splits, and render MIDI.",
)

Name = Annotated[str, Argument(metavar="NAME", help="Dataset, as 'list' has it.")]
Folder = Annotated[
    Path, Argument(metavar="PATH", help="The dataset's own folder, as its archive unpacks.")
]


WhichLabels = Annotated[
    Literal["repaired", "as_published"],
    Option("--labels", help="Labels with known defects repaired, or as they were published."),
]


@app.command("list")
def list_datasets(as_json: AsJson = False) -> None:
    """List the datasets that can be read."""
    from hevner import datasets
    from hevner.datasets.report import describe_card

    cards = [datasets.card(name) for name in datasets.NAMES]
    if as_json:
        write_json([describe_card(card) for card in cards])
        return
    width = max(len(card.name) for card in cards)
    for card in cards:
        size = f"{card.tracks:,}" if card.tracks else "any"
        write(f"{card.name:<{width}} {size:>6}  {card.emotion:<9} {', '.join(card.labels)}")


@app.command()
def info(name: Name, as_json: AsJson = False) -> None:
    """Show what is known about a dataset: music, raters, scales, licence, files, defects."""
    from hevner import datasets
    from hevner.datasets.report import describe_card

    card = datasets.card(name)
    if as_json:
        write_json(describe_card(card))
        return
    scales = {"valence": card.valence, "arousal": card.arousal}
    write(f"{card.title}: {card.what}")
    for heading, text in (
        ("tracks", f"{card.tracks:,}" if card.tracks else "any"),
        ("labels", ", ".join(card.labels)),
        ("emotion", card.emotion),
        ("raters", card.raters),
        ("scales", ", ".join(f"{axis} {s.name}" for axis, s in scales.items() if s)),
        ("curves", card.curve),
        ("group", card.group),
        ("licence", card.licence),
        ("source", card.source),
    ):
        if text:
            _entry(heading, text)
    write("files")
    for line in card.layout:
        write(f"  {line}")
    for defect in card.defects:
        _entry("defect", f"{defect.name}: {defect.what} Repair: {defect.repair}")


@app.command()
def new(
    folder: Annotated[
        Path,
        Argument(metavar="FOLDER", help="Folder of the dataset: one with audio, or a new one."),
    ],
    labels: Annotated[
        str,
        Option(
            metavar="A,B,...",
            help="Columns to fill in: any of valence, arousal, tension, anger, fear, joy, sadness, "
            "tenderness, quadrant, cluster, category, tags; moments for ratings over time.",
        ),
    ] = "valence,arousal",
    scale: Annotated[str, Option(metavar="LOW..HIGH", help="Scale of the ratings.")] = "1..9",
    raters: Annotated[
        bool, Option("--raters", help="Each row is what one rater gives, not a mean.")
    ] = False,
) -> None:
    """Begin a dataset of your own: write a commented layout.toml, and a table to fill in."""
    from hevner.datasets.template import write_template

    with usage_errors():
        rows = write_template(folder, names_of(labels), scale_of(scale), by_rater=raters)
    say(f"{folder}: layout.toml, and a table with {rows} rows to fill in.")
    if not rows:
        say(f"No audio is there yet: put it into {folder / 'audio'} and run this again.")
        return
    say(f"When it is filled in: hevner datasets check own {folder}")


@app.command()
def check(
    name: Name,
    folder: Folder,
    labels: WhichLabels = "repaired",
    as_json: AsJson = False,
) -> None:
    """Read a dataset to the end and report what is there, what is wrong, what was repaired.

    Exit status: 0 if nothing is wrong that a person must mend, else 1.
    """
    from hevner import datasets
    from hevner.datasets import reliability
    from hevner.datasets.report import describe

    dataset = datasets.check(name, folder, labels=labels)
    facts = describe(dataset) | {"reliability": reliability.table(dataset.tracks)}
    if as_json:
        write_json(facts)
    else:
        _write_report(facts)
    raise typer.Exit(FAILED if dataset.problems else FINE)


@app.command()
def cite(name: Name, as_json: AsJson = False) -> None:
    """Write the BibTeX entry of a dataset."""
    from hevner import datasets

    card = datasets.card(name)
    if as_json:
        write_json({"name": card.name, "citation": card.citation})
    else:
        write(card.citation)


@app.command()
def splits(name: Name, as_json: AsJson = False) -> None:
    """List the committed splits of a dataset: sizes, what they are, known leaks, hash."""
    from hevner import datasets
    from hevner.datasets import splits as committed

    datasets.card(name)
    found = [committed.load(name, split) for split in committed.names(name)]
    if as_json:
        write_json(
            [
                {
                    "dataset": name,
                    "name": split.name,
                    "what": split.what,
                    "origin": split.origin,
                    "leaks": split.leaks,
                    "parts": {part: len(ids) for part, ids in split.parts.items()},
                    "digest": split.digest,
                }
                for split in found
            ]
        )
        return
    if not found:
        write(f"No split of {name} is committed; make grouped folds with hevner.datasets.folds.")
    for split in found:
        sizes = ", ".join(f"{part} {len(ids):,}" for part, ids in split.parts.items())
        write(f"{split.name}: {sizes}")
        for heading, text in (("what", split.what), ("origin", split.origin)):
            _entry(heading, text)
        _entry("leaks", split.leaks or "none known")
        _entry("hash", split.digest)


@app.command()
def render(
    name: Name,
    folder: Folder,
    out: Annotated[Path, Option("--out", "-o", metavar="FOLDER", help="Folder for the audio.")],
    soundfont: Annotated[
        list[str], Option(metavar="NAME", help="Soundfont file without .sf2; repeatable.")
    ],
    jobs: Annotated[int, Option("--jobs", "-j", min=1, help="Number of parallel processes.")] = 1,
) -> None:
    """Render a dataset of MIDI files to FLAC with FluidSynth; what exists is left alone.

    Exit status: 0 if all could be rendered, else 1.
    """
    from hevner import datasets
    from hevner.datasets.render import render_all
    from hevner.errors import DataError, HevnerError

    failures = []
    dataset = datasets.load(name, folder, partial=True)
    if dataset.card.media != "MIDI":
        raise DataError(f"{name} holds recordings, not MIDI", remedy="There is nothing to do")
    with Reporter(len(soundfont) * len(dataset), bar=True, verb="Rendering") as reporter:
        for font in soundfont:
            for _, result in render_all(dataset.tracks, font, out, jobs):
                reporter.advance()
                if isinstance(result, HevnerError):
                    failures.append(result)
                    reporter.say(f"Failed: {result}")
    say(f"{len(soundfont) * len(dataset) - len(failures)} rendered, {len(failures)} failed.")
    raise typer.Exit(FAILED if failures else FINE)


@app.command()
def ratings(data: Data = []) -> None:  # noqa: B006
    """Print mean, spread and correlation of ratings over EmoMusic, DEAM and PMEmo, for recipes."""
    from hevner.lab.default import recipe_values

    write("\n".join(recipe_values.ratings_lines(data_folders(data))))


@app.command("tag-rates")
def tag_rates(
    folder: Annotated[Path, Argument(metavar="PATH", help="Folder of MTG-Jamendo.")],
) -> None:
    """Print how many songs of MTG-Jamendo carry each tag, for recipes of the default model."""
    from hevner.lab.default import recipe_values

    write("\n".join(recipe_values.rate_lines(folder)))


def _write_report(facts: dict[str, Any]) -> None:
    write(f"{facts['dataset']} in {facts['folder']}, labels {facts['labels']}")
    published = f"{facts['published_tracks']:,}" if facts["published_tracks"] else "any"
    write(
        f"  tracks {facts['tracks']:,} (published: {published}), "
        f"with media {facts['with_media']:,}, groups {facts['groups']:,}"
    )
    labelled = {kind: n for kind, n in facts["labelled"].items() if n}
    write("  labelled: " + (", ".join(f"{kind} {n:,}" for kind, n in labelled.items()) or "none"))
    if facts["categories"]:
        write("  categories: " + ", ".join(f"{k} {n:,}" for k, n in facts["categories"].items()))
    for axis in ("valence", "arousal"):
        if spread := facts[axis]:
            sd = "" if spread["std"] is None else f", sd {spread['std']:.3f}"
            write(f"  {axis} on {spread['scale']}: mean {spread['mean']:.3f}{sd}")
    if facts["correlation"] is not None:
        write(f"  correlation of valence and arousal: {facts['correlation']:.3f}")
    if facts["reliability"]:
        write("Agreement of the raters, with 95 % intervals over groups of tracks")
        for row in facts["reliability"]:
            ends = "" if row["low"] is None else f" ({row['low']:.2f} to {row['high']:.2f})"
            size = f"{row['n']} tracks, {row['raters']} raters" if ends else f"{row['n']} tracks"
            write(f"  {row['label']}, {row['measure']}: {row['value']:.2f}{ends}, {size}")
    for heading, kind in (("Repaired", "repairs"), ("Notes", "notes"), ("Problems", "problems")):
        if facts[kind]:
            write(heading)
            _write_findings(facts[kind])
    count = len(facts["problems"])
    write(f"{count} problem{'s' * (count != 1)} to mend." if count else "Nothing to mend.")


def _write_findings(findings: list[dict[str, Any]]) -> None:
    ordered = sorted(findings, key=lambda finding: finding["name"])
    for name, group in groupby(ordered, key=lambda finding: finding["name"]):
        alike = list(group)
        shown = SHOWN_PROBLEMS if alike[0]["kind"] == "problem" else SHOWN
        for finding in alike[:shown]:
            where = f"{finding['subject']}: " if finding["subject"] else ""
            remedy = f". {finding['remedy']}" if finding["remedy"] else ""
            many = f" ({finding['tracks']} tracks)" if finding["tracks"] > 1 else ""
            write(f"  {name}{many}: {where}{finding['cause']}{remedy}")
        if len(alike) > shown:
            write(f"  {name}: and {len(alike) - shown} more; --json lists all")
