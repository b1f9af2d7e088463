"""``hevner search``: music for emotions, and the emotions in a piece."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer
from typer import Argument, Option

from hevner.cli.options import form_of
from hevner.cli.pipes import Pipes
from hevner.cli.progress import interruptible, say, usage_errors, without_decoder_notes

if TYPE_CHECKING:
    from hevner.catalog.query import Query
    from hevner.emotion import Scale
    from hevner.object_path import Location
    from hevner.words import Lexicon


Format = Literal["table", "json", "csv", "m3u8", "xspf", "jspf"]
"""Forms of results."""

Folder = Annotated[
    str,
    Argument(
        metavar="CATALOG",
        help="Folder of a catalogue, made by 'hevner index', or s3://BUCKET/FOLDER.",
    ),
]
Where = Annotated[
    str,
    Option(
        metavar="SQL",
        help="Only pieces that meet this, such as \"duration < 300 and key_mode = 'minor'\".",
    ),
]
Form = Annotated[
    Format | None,
    Option(
        "--format",
        "-f",
        help="Form of the results. Without it, the ending of the output file decides (.json, "
        ".csv, .m3u8, .xspf, .jspf), else it is a table.",
    ),
]
Output = Annotated[
    Path | None,
    Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the results there instead of to the standard output.",
    ),
]
Words = Annotated[
    Path | None,
    Option(
        metavar="FILE.TOML",
        help='Words of your own: [synonyms] NAME = "very happy", or [words.NAME] with valence '
        "and arousal.",
    ),
]
PlaneScale = Annotated[
    str,
    Option(metavar="LOW..HIGH", help="Scale of valence and arousal, such as -1..1, 0..1 or 1..9."),
]


def search(
    catalog: Folder,
    valence: Annotated[float | None, Option(help="Target valence.")] = None,
    arousal: Annotated[float | None, Option(help="Target arousal.")] = None,
    radius: Annotated[
        float | None, Option(help="Largest distance from the target point, on its scale.")
    ] = None,
    mood: Annotated[
        str,
        Option(
            metavar="WORDS",
            help="Words with degrees, such as \"calm, slightly nostalgic\"; 'hevner moods --words' "
            "lists them.",
        ),
    ] = "",
    unwanted: Annotated[
        str,
        Option(
            "--not", metavar="WORDS", help="Leave out music that is typical of any of these words."
        ),
    ] = "",
    like: Annotated[
        str | None, Option(metavar="FILE", help="Music like this piece, in the catalogue or not.")
    ] = None,
    path: Annotated[
        str | None,
        Option(
            metavar="COURSE",
            help='Music whose emotion moves in this way: words such as "tense->calm", or a CSV '
            "file with the columns time, valence and arousal.",
        ),
    ] = None,
    text: Annotated[
        str,
        Option(
            metavar="TEXT",
            help='Description of the sound in free words, such as "rainy piano at night"; for a '
            "catalogue made with 'hevner index --encoder clap-general'.",
        ),
    ] = "",
    emotions_of: Annotated[
        str | None,
        Option(
            metavar="FILE",
            help="Show words for the emotion of this piece, in the catalogue or not, instead of "
            "searching.",
        ),
    ] = None,
    where: Where = "",
    diverse: Annotated[
        bool, Option("--diverse", help="Prefer results that differ from each other.")
    ] = False,
    moments: Annotated[
        bool, Option("--moments", help="Find moments inside pieces, the best one of each piece.")
    ] = False,
    count: Annotated[
        int, Option("--count", "-n", metavar="N", help="Largest number of results.")
    ] = 10,
    scale: PlaneScale = "-1..1",
    words: Words = None,
    form: Form = None,
    output: Output = None,
) -> None:
    """Find music in a catalogue by emotion or by a text, or name the emotions of a piece.

    With --where alone, pieces that pass are listed by name.

    Exit status: 0 all fine, also if nothing was found; 1 the catalogue or a file could not be
    read or the result not be written; 2 wrong usage.
    """
    from hevner.catalog.query import Query
    from hevner.emotion import Scale

    named = form_of(form, output, get_args(Format))
    asked: dict[str, object] = {
        "valence": valence,
        "arousal": arousal,
        "radius": radius,
        "mood": mood,
        "unwanted": unwanted,
        "like": like,
        "path": path,
        "text": text,
        "where": where,
        "diverse": diverse,
        "moments": moments,
    }
    with usage_errors():
        lexicon, plane = lexicon_of(words), Scale.parse(scale)
        if emotions_of is None:
            query = Query.of(**asked, scale=scale, count=count, lexicon=lexicon)  # type: ignore[arg-type]
        else:
            _check_describing(asked, named, count)
    with without_decoder_notes(), interruptible("Stopped."), Pipes() as pipes:
        if emotions_of is not None:
            _write_words(catalog, _file(pipes, emotions_of), count, lexicon, named, output)
            return
        if query.like is not None:
            query = replace(query, like=_file(pipes, query.like))
        _write_hits(catalog, query, plane, named, output)


def _file(pipes: Pipes, text: str | Location) -> Location:
    """What an argument names; a copy of what comes through a pipe."""
    from hevner.object_path import location

    path = location(text)
    return pipes.file(path) if isinstance(path, Path) else path


def _check_describing(asked: dict[str, object], form: str, count: int) -> None:
    from hevner.errors import HevnerError

    if any(value not in (None, "", False) for value in asked.values()):
        raise HevnerError(
            "--emotions-of describes a piece and searches for no music",
            remedy="Leave out the options for the search",
            code="conflict",
        )
    if form in ("m3u8", "xspf", "jspf"):
        raise HevnerError("words make no playlist", remedy="Use another --format", code="conflict")
    if count < 1:
        raise HevnerError(
            f"{count} words are none", remedy="Ask for at least 1", code="out_of_range"
        )


def _write_hits(folder: str, query: Query, scale: Scale, form: str, output: Path | None) -> None:
    from hevner.catalog import open_catalog
    from hevner.catalog.search import search, why_nothing
    from hevner.catalog.texts import count_without_vector
    from hevner.output.search_results import hits_as

    catalog = open_catalog(folder)
    hits, fit = search(catalog, query), query.meaning_of_fit
    write_results(lambda width: hits_as(form, hits, scale, output, width, fit), output)
    if not hits:
        say(f"Nothing was found. {why_nothing(catalog, query)}")
    if query.text and (left := count_without_vector(catalog)):
        say(f"{left} pieces were left out: {catalog.header.encoder} has not encoded them yet.")


def _write_words(
    folder: str, path: Location, count: int, lexicon: Lexicon, form: str, output: Path | None
) -> None:
    from hevner.catalog import open_catalog
    from hevner.catalog.describe import emotions_of, position_of
    from hevner.catalog.scoring import locate
    from hevner.output.search_results import words_as

    catalog = open_catalog(folder)
    music, row = locate(catalog, path)
    words = emotions_of(catalog.space, music, position_of(row), count, lexicon)
    write_results(lambda width: words_as(form, words, width), output)


def lexicon_of(words: Path | None) -> Lexicon:
    """The lexicon, with a person's own words if there are any."""
    from hevner.words import Lexicon, load

    return Lexicon() if words is None else load(words)


def write_results(text: Callable[[int | None], str], output: Path | None) -> None:
    """Write text to a file or to the standard output.

    Parameters
    ----------
    text
        Called with the characters per line of a table, None where there is no terminal.
    output
        The file; None for the standard output.
    """
    from hevner.cli.analyze_run import StandardOutput
    from hevner.files import OutputFile

    terminal = output is None and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    with closing(StandardOutput() if output is None else OutputFile(output)) as destination:
        try:
            destination.write(text(width))
        except BrokenPipeError as error:
            raise typer.Exit(1) from error
        destination.commit()
