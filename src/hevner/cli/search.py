"""``hevner search``: music for an emotion, and the emotions in a piece."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hevner.cli.catalog_options import (
    Folder,
    Form,
    Format,
    Output,
    PlaneScale,
    Where,
    Words,
    lexicon_of,
    write_results,
)
from hevner.cli.options import form_of
from hevner.cli.progress import interruptible, say, usage_errors, without_decoder_notes

if TYPE_CHECKING:
    from hevner.catalog.query import Query
    from hevner.emotion import Scale
    from hevner.words import Lexicon


def search(
    catalog: Folder,
    valence: Annotated[float | None, typer.Option(help="Target valence.")] = None,
    arousal: Annotated[float | None, typer.Option(help="Target arousal.")] = None,
    radius: Annotated[
        float | None,
        typer.Option(help="Largest distance from the target point, on its scale."),
    ] = None,
    mood: Annotated[
        str,
        typer.Option(
            metavar="WORDS",
            help="Words with degrees, such as \"calm, slightly nostalgic\"; 'hevner moods --words' "
            "lists them.",
        ),
    ] = "",
    unwanted: Annotated[
        str,
        typer.Option(
            "--not", metavar="WORDS", help="Leave out music that is typical of any of these words."
        ),
    ] = "",
    like: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Music like this piece, in the catalogue or not."),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(
            metavar="COURSE",
            help='Music whose emotion moves in this way: words such as "tense->calm", or a CSV '
            "file with the columns time, valence and arousal.",
        ),
    ] = None,
    text: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help='Description of the sound in free words, such as "rainy piano at night"; for a '
            "catalogue made with 'hevner index --encoder clap-general'.",
        ),
    ] = "",
    emotions_of: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Show words for the emotion of this piece, in the catalogue or not, instead of "
            "searching.",
        ),
    ] = None,
    where: Where = "",
    diverse: Annotated[
        bool, typer.Option("--diverse", help="Prefer results that differ from each other.")
    ] = False,
    moments: Annotated[
        bool,
        typer.Option("--moments", help="Find moments inside pieces, the best one of each piece."),
    ] = False,
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="N", help="Largest number of results.")
    ] = 10,
    scale: PlaneScale = "-1..1",
    words: Words = None,
    form: Form = None,
    output: Output = None,
) -> None:
    """Find music in a catalogue by emotion or by a text, or name the emotions of a piece.

    Exit status: 0 all fine, also if nothing was found; 1 the catalogue or a file could not be
    read or the result not be written; 2 wrong usage.
    """
    from hevner.catalog.query import Query
    from hevner.emotion import Scale

    named = form_of(form, output, list(Format))
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
    with without_decoder_notes(), interruptible("Stopped."):
        if emotions_of is None:
            _write_hits(catalog, query, plane, named, output)
        else:
            _write_words(catalog, emotions_of, count, lexicon, named, output)


def _check_describing(asked: dict[str, object], form: str, count: int) -> None:
    from hevner.errors import HevnerError

    if any(value not in (None, "", False) for value in asked.values()):
        raise HevnerError(
            "--emotions-of describes a piece and searches for no music",
            remedy="Leave out the options for the search",
            code="conflict",
        )
    if form == Format.M3U8:
        raise HevnerError("words make no playlist", remedy="Use another --format", code="conflict")
    if count < 1:
        raise HevnerError(
            f"{count} words are none", remedy="Ask for at least 1", code="out_of_range"
        )


def _write_hits(folder: Path, query: Query, scale: Scale, form: str, output: Path | None) -> None:
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
    folder: Path, path: Path, count: int, lexicon: Lexicon, form: str, output: Path | None
) -> None:
    from hevner.catalog import open_catalog
    from hevner.catalog.describe import emotions_of
    from hevner.catalog.scoring import locate
    from hevner.output.search_results import words_as

    catalog = open_catalog(folder)
    music, _id = locate(catalog, path)
    words = emotions_of(catalog.space, music, count, lexicon)
    write_results(lambda width: words_as(form, words, width), output)
