"""``hevner playlist``: from one emotion to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

from typer import Option

from hevner.cli.options import form_of
from hevner.cli.progress import interruptible, say, usage_errors, without_decoder_notes
from hevner.cli.search import (
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

if TYPE_CHECKING:
    from hevner.catalog.catalog import Catalog
    from hevner.model.space import Points
    from hevner.output.playlists import Existing


def playlist(
    catalog: Folder,
    end: Annotated[
        str, Option("--to", metavar="WORDS", help='Emotion at the end, such as "very calm".')
    ],
    minutes: Annotated[float, Option(metavar="N", help="Duration in minutes.")],
    start: Annotated[
        str,
        Option(
            "--from",
            metavar="WORDS",
            help="Emotion at the beginning, such as tense; with --extend, that of its last piece.",
        ),
    ] = "",
    least: Annotated[
        float, Option(metavar="SECONDS", help="Length of the shortest pieces.")
    ] = 30.0,
    extend: Annotated[
        Path | None,
        Option(
            metavar="FILE.m3u8",
            help="Playlist to go on from: its pieces come first and not again.",
        ),
    ] = None,
    where: Where = "",
    scale: PlaneScale = "-1..1",
    words: Words = None,
    form: Form = None,
    output: Output = None,
) -> None:
    """Make a playlist that leads from one emotion to another, or extend one.

    It lasts as long as asked for, to within half a piece. No piece comes twice, nor a copy of it,
    and no artist twice in a row while there is another one. With --extend, a playlist (m3u8, xspf,
    jspf) holds the old pieces too, and --output may name the same file; other forms have the new
    ones alone.

    Exit status: 0 all fine, 1 there is too little music, the catalogue could not be read or the
    result not be written, 2 wrong usage.
    """
    from hevner.catalog.query import check_time
    from hevner.emotion import Scale
    from hevner.errors import HevnerError
    from hevner.words.describing import describe

    named = form_of(form, output, get_args(Format))
    with usage_errors():
        if not start and extend is None:
            remedy = "Give --from, or a playlist to --extend"
            raise HevnerError("there is no beginning", remedy=remedy, code="incomplete")
        lexicon, plane = lexicon_of(words), Scale.parse(scale)
        feelings = [lexicon.parse(some) if some else () for some in (start, end)]
        check_time(60 * minutes)
    with without_decoder_notes(), interruptible("Stopped."):
        from hevner.catalog import open_catalog
        from hevner.catalog.playlist import make_playlist
        from hevner.output.playlists import FORMATS, Existing, playlist_as
        from hevner.output.search_results import hits_as

        before = None if extend is None else Existing.read(extend)
        music = open_catalog(catalog)
        space = music.space
        ends = [space.merge(space.emotion(describe(some))) if some else None for some in feelings]
        first, last = ends[0] or _end_of(music, before), ends[1]
        assert last is not None
        old = [(one.place, one.label) for one in before.entries] if before is not None else []
        hits = make_playlist(music, first, last, 60 * minutes, where, least, old)
        if before is not None and named in FORMATS:
            write_results(lambda _width: playlist_as(named, hits, output, before), output)
        else:
            write_results(lambda width: hits_as(named, hits, plane, output, width), output)
    total = sum(hit.duration for hit in hits) / 60
    say(f"{len(hits)} pieces, {total:.1f} minutes.")


def _end_of(catalog: Catalog, before: Existing | None) -> Points:
    """The emotion of the last piece of a playlist."""
    from hevner.catalog.scoring import locate
    from hevner.errors import DataError
    from hevner.model.description import Description

    entries = before.entries if before is not None else []
    if not entries:
        remedy = "Give --from"
        raise DataError("the playlist is empty", remedy=remedy, code="empty")
    _, row = locate(catalog, Path(entries[-1].place))
    return catalog.space.emotion(Description.of(point=[[row["valence"], row["arousal"]]]))
