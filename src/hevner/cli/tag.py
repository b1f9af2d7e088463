"""``hevner tag``: what hevner says of music, in the tags of its files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hevner.cli.options import Jobs, ModelName, NoCache, Quiet, ScaleText, names_of, scale_of
from hevner.cli.progress import USAGE, say

FIELDS = ("mood", "tempo", "key", "valence", "arousal", "tension", "words")
"""As `hevner.tags.values.FIELDS`, which is longer to import."""


def tag(
    paths: Annotated[
        list[Path] | None,
        Argument(
            metavar="PATH|CATALOG",
            help="Audio files and folders to search for them, or a catalogue, whose pieces are "
            "not analysed again.",
        ),
    ] = None,
    write: Annotated[
        str,
        Option(
            metavar="FIELDS",
            help=f"Fields to write, with commas between them: {', '.join(FIELDS)}.",
        ),
    ] = "mood,tempo,key",
    scale: ScaleText = "0..100",
    sure: Annotated[
        float,
        Option(
            metavar="P",
            min=0,
            max=1,
            help="Least probability of a quadrant, tempo or key that is written.",
        ),
    ] = 0.85,
    overwrite: Annotated[
        bool, Option("--overwrite", help="Replace values that are there; else they stay.")
    ] = False,
    dry_run: Annotated[
        bool, Option("--dry-run", "-n", help="Show what would change, and change nothing.")
    ] = False,
    keep_times: Annotated[
        bool, Option("--keep-times", help="Files keep their times of modification.")
    ] = False,
    undo: Annotated[
        bool,
        Option(
            "--undo",
            help="Restore the files that the last run changed, or that which --journal names.",
        ),
    ] = False,
    journal: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="Journal for --undo.",
            show_default="one for each run, in the folder HEVNER_HOME",
        ),
    ] = None,
    model: ModelName = "",
    jobs: Jobs = None,
    no_cache: NoCache = False,
    quiet: Quiet = False,
) -> None:
    """Write mood, tempo and key into the tags of audio files, where players read them.

    Only what hevner is sure of is written, and only where a file has no value of its own. The audio
    stays as it is, byte by byte; every file is changed as a whole or not at all, and --undo
    restores it.

    Exit status: 0 all fine, 1 some files failed, 2 wrong usage.
    """
    fields = names_of(write)
    if unknown := sorted(set(fields) - set(FIELDS)):
        raise typer.BadParameter(
            f"there is no field {', '.join(unknown)}; there are {', '.join(FIELDS)}",
            param_hint="--write",
        )
    if not paths and not undo:
        say("Error: no files were named.")
        raise typer.Exit(USAGE)
    if undo and dry_run:
        say("Error: --undo shows nothing beforehand. Leave out --dry-run.")
        raise typer.Exit(USAGE)
    if undo and paths and (len(paths) > 1 or not (paths[0] / "catalog.json").is_file()):
        say(
            "Error: --undo restores all files of the last run, so it takes no files or folders, "
            "but for one catalogue. --journal chooses another run."
        )
        raise typer.Exit(USAGE)
    chosen = scale_of(scale)
    from hevner import extras

    extras.require("tags", "'hevner tag'")
    from hevner.cli.tag_run import Tagging, restore

    if undo:
        raise typer.Exit(restore(paths or [], journal, quiet=quiet))
    tagging = Tagging(
        fields, chosen, sure, overwrite=overwrite, dry_run=dry_run, keep_times=keep_times,
        quiet=quiet, journal=journal,
    )  # fmt: skip
    raise typer.Exit(tagging.run(paths or [], model, jobs, cached=not no_cache))
