"""``hevner playlist``: pieces that lead from one emotion to another."""

from __future__ import annotations

from typing import Annotated

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


def playlist(
    catalog: Folder,
    start: Annotated[
        str,
        typer.Option("--from", metavar="WORDS", help="Emotion at the beginning, such as tense."),
    ],
    end: Annotated[
        str, typer.Option("--to", metavar="WORDS", help='Emotion at the end, such as "very calm".')
    ],
    minutes: Annotated[float, typer.Option(metavar="N", help="Duration in minutes.")],
    where: Where = "",
    scale: PlaneScale = "-1..1",
    words: Words = None,
    form: Form = None,
    output: Output = None,
) -> None:
    """Make a playlist that leads from one emotion to another.

    It lasts as long as asked for, to within half a piece, and no piece comes twice.

    Exit status: 0 all fine, 1 there is too little music, the catalogue could not be read or the
    result not be written, 2 wrong usage.
    """
    from hevner.catalog import open_catalog
    from hevner.catalog.query import check_time
    from hevner.emotion import Scale
    from hevner.output.search_results import hits_as
    from hevner.words.describing import describe

    named = form_of(form, output, list(Format))
    with usage_errors():
        lexicon, plane = lexicon_of(words), Scale.parse(scale)
        feelings = lexicon.parse(start), lexicon.parse(end)
        check_time(60 * minutes)
    with without_decoder_notes(), interruptible("Stopped."):
        from hevner.catalog.playlist import make_playlist

        music = open_catalog(catalog)
        space = music.space
        first, last = (space.merge(space.emotion(describe(some))) for some in feelings)
        hits = make_playlist(music, first, last, 60 * minutes, where)
        write_results(lambda width: hits_as(named, hits, plane, output, width), output)
    total = sum(hit.duration for hit in hits) / 60
    say(f"{len(hits)} pieces, {total:.1f} minutes.")
