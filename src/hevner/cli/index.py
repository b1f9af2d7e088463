"""``hevner index``: folders of music into a catalogue."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer import Argument, Option
from typer.core import TyperCommand

from hevner.cli.options import Address, Engine, Jobs, ModelName, Quiet, cluster_of, shard_of
from hevner.cli.progress import (
    FAILED,
    FINE,
    INTERRUPTED,
    USAGE,
    Reporter,
    failure_line,
    say,
    stopping_cleanly,
    without_decoder_notes,
)

if TYPE_CHECKING:
    from hevner.catalog.analyze_file import FileAnalyzer
    from hevner.catalog.catalog import Catalog
    from hevner.catalog.encoding import Encoded
    from hevner.catalog.index_options import Options, Summary
    from hevner.catalog.renewal import Mended
    from hevner.catalog.sources import Source
    from hevner.model.space import Space
    from hevner.object_path import Location
    from hevner.result import Failure

Result = TypeVar("Result")

MISSING = "--prune-missing"
ASKED = "ask"
"""Value of the option where none was given."""

LOOK_S = 1.0
"""Seconds between looks for signals."""


def index(
    into: Annotated[
        str,
        Option(
            "--into",
            metavar="CATALOG",
            help="Folder of the catalogue, or s3://BUCKET/FOLDER; made if it does not exist.",
        ),
    ],
    paths: Annotated[
        list[str] | None,
        Argument(
            metavar="FOLDER",
            help="Folders of music, and single files, or s3://BUCKET/FOLDER; those that were "
            "indexed before if none is named.",
        ),
    ] = None,
    jobs: Jobs = None,
    prune: Annotated[
        bool,
        Option(
            "--prune",
            help="Remove files that are gone from these folders, but none whose folder is gone or "
            "empty too: it may be on a drive that is not mounted.",
        ),
    ] = False,
    prune_missing: Annotated[
        str | None,
        Option(
            metavar="[N]",
            help="Remove those as well, once you type their number, or if it is N.",
        ),
    ] = None,
    retry: Annotated[bool, Option("--retry", help="Try again files that failed before.")] = False,
    rebuild: Annotated[
        bool, Option("--rebuild", help="Forget what the catalogue holds and begin anew.")
    ] = False,
    verify: Annotated[
        bool,
        Option(
            "--verify",
            help="First check every row and file of the catalogue, and mend what is damaged, "
            "from kept features where there are any.",
        ),
    ] = False,
    encoder: Annotated[
        str,
        Option(
            metavar="NAME",
            help="Also encode the pieces with an encoder of texts, for 'hevner search --text': "
            "clap-general, once its weights are there ('hevner models add').",
        ),
    ] = "",
    model: ModelName = "",
    engine: Engine = "processes",
    address: Address = "",
    limit: Annotated[
        int | None, Option(metavar="N", min=1, help="Read no more than N new or changed files.")
    ] = None,
    shard: Annotated[
        str,
        Option(
            metavar="K/N",
            help="Only the K-th of N parts of the files, such as 2/4, for queues that start this "
            "command N times. One last run without it finds what is gone and tidies up.",
        ),
    ] = "",
    quiet: Quiet = False,
) -> None:
    """Analyse folders of music and keep the result in a catalogue, to be searched by emotion.

    Only what is new or changed is analysed; files that were moved or copied are recognised by
    their content. A run that was stopped goes on where it was. With --encoder, pieces of
    an existing catalogue are encoded too, and not analysed again. A catalogue holds pieces of one
    model, which it remembers. With another --model, they are read anew from features that were
    kept, without the audio.

    Exit status: 0 all fine, 1 some files failed, 2 wrong usage.
    """
    from time import perf_counter

    from hevner.object_path import location

    target = location(into)
    forced = prune_missing is not None
    start = perf_counter()
    with without_decoder_notes(), ExitStack() as stack:
        from hevner.audio import isolated

        isolated.shared.start()  # while the rest is imported
        from hevner.analysis import Analyzer
        from hevner.batch import usable_cores
        from hevner.catalog import (
            encoding,
            file_identity,
            header,
            index_options,
            indexing,
            renewal,
            sources,
            texts,
            writer,
        )
        from hevner.catalog.analyze_file import FileAnalyzer
        from hevner.model import registry, space

        text_encoder = texts.text_encoder(encoder) if encoder else None
        common = space.load()
        graph = registry.path_of(model) if model else None

        def analyzer_of(path: Path) -> FileAnalyzer:
            return FileAnalyzer(Analyzer(path, open_audio=isolated.open_audio), common)

        first, step = shard_of(shard)
        cluster = stack.enter_context(cluster_of(engine, address, jobs))
        options = index_options.Options(
            jobs or usable_cores(), retry, prune or forced,
            about=isolated.about, cluster=cluster, limit=limit, whole=not limit and step == 1,
        )  # fmt: skip
        watch = partial(_watched, options, quiet)
        if verify and not rebuild:
            say(_mended_text(renewal.mend(target, common, analyzer_of, options)))
        folders = [location(one) for one in paths or header.read(target).folders]
        present = [
            one for one in folders
            if not isinstance(one, Path) or one.exists() or not (forced or not paths)
        ]  # fmt: skip
        found, problems = sources.find(present)
        if step > 1:
            found = [file for file in found if file_identity.part_of(file.path, step) == first]
        if not found and not problems and not forced and not verify:
            say("Error: no audio files found; names must end in one of the usual ways, as .mp3.")
            raise typer.Exit(USAGE)
        opened = partial(_opened, stack, target, common, graph, analyzer_of, options, watch)
        catalog = writer.create(target, common, graph) if rebuild else opened()
        analyzer = analyzer_of(catalog.model)
        if text_encoder is not None:
            header.check_encoder(catalog.folder, catalog.header, text_encoder.card)
        summary = watch(
            "Indexing",
            len(found),
            lambda own: indexing.index(found, folders, catalog, analyzer, own),
        )
        encoded = encoding.Encoded()
        if text_encoder is not None and not options.stop.is_set():
            encoded = watch(
                f"Encoding by {encoder}",
                len(encoding.due(found, catalog)),
                lambda own: encoding.encode(found, catalog, text_encoder, own),
            )
        left = texts.count_without_vector(catalog)
        machines = cluster.description if cluster else ""
    for problem in problems:
        say(failure_line(problem))
    if not quiet:
        say(
            _summary_text(summary, len(found), perf_counter() - start, machines)
            + _encoded_text(encoded, left, catalog.header.encoder)
        )
    if summary.missing and (options.prune or not quiet):
        say(_missing_text(summary.missing))
    if prune_missing is not None and summary.missing and not options.stop.is_set():
        _check_number(prune_missing, len(summary.missing))
        catalog = writer.open_or_create(target, common)
        say(f"{indexing.remove_missing(catalog, summary.missing)} removed.")
    if options.stop.is_set():
        say("Stopped; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(FAILED if summary.failed or encoded.failed or problems else FINE)


def _opened(
    stack: ExitStack,
    into: Location,
    space: Space,
    model: Path | None,
    analyzer_of: Callable[[Path], FileAnalyzer],
    options: Options,
    watch: Callable[[str, int, Callable[[Options], int]], int],
) -> Catalog:
    """Open or make a catalogue; one of another model is renewed, which the stack completes."""
    from hevner.catalog import header, renewal, writer
    from hevner.errors import CatalogError

    try:
        return writer.open_or_create(into, space, model)
    except CatalogError as error:
        # A model of one's own that is missing is no reason to take another one.
        if (
            error.code not in renewal.CODES
            or not isinstance(into, Path)
            or (model is None and header.read(into).model_file)
        ):
            raise
        say(f"{error.subject}: {error.cause}. Its pieces are read anew.")
    renewed = stack.enter_context(renewal.renewing(into, space, model, options.stop))
    analyzer = analyzer_of(renewed.catalog.model)
    watch("Reading", renewed.count, lambda own: renewed.carry(analyzer, own))
    if renewed.without and not options.stop.is_set():
        say(f"{renewed.without} pieces have no kept features: their files are analysed again.")
    return renewed.catalog


def _mended_text(mended: Mended) -> str:
    if not mended.faults and not mended.features:
        return f"Checked: {mended.sound} pieces, nothing is damaged."
    parts = [f"damaged was {fault}" for fault in mended.faults]
    if mended.features:
        parts.append(f"{mended.features} damaged files of kept features are removed")
    parts.append(f"{mended.sound} pieces are sound")
    if mended.restored:
        parts.append(f"{mended.restored} are made again from kept features")
    return f"Mended: {'; '.join(parts)}."


def _watched(
    options: Options, quiet: bool, verb: str, total: int, work: Callable[[Options], Result]
) -> Result:
    """Show how work goes on, and stop it at Ctrl-C.

    It runs in another thread, where no Ctrl-C interrupts a change of the catalogue.
    """
    import dataclasses
    from concurrent.futures import ThreadPoolExecutor, wait

    bar = Reporter(total, not quiet, verb)
    with stopping_cleanly(), bar as reporter, ThreadPoolExecutor(1) as pool:

        def report(_file: Source, failure: Failure | None) -> None:
            reporter.advance()
            if failure is not None:
                reporter.say(failure_line(failure))

        running = pool.submit(work, dataclasses.replace(options, report=report))
        try:
            # A signal that comes just before a wait begins is seen when it ends.
            while wait([running], timeout=LOOK_S).not_done:
                pass
        except KeyboardInterrupt:
            options.stop.set()
        return running.result()


class Index(TyperCommand):
    """The command, whose option ``--prune-missing`` may stand alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give the option the value that it lacks."""
        for place, word in enumerate(args):
            if word == MISSING and not "".join(args[place + 1 : place + 2]).isdecimal():
                args[place] = f"{MISSING}={ASKED}"
        return super().parse_args(ctx, args)


def _check_number(given: str, count: int) -> None:
    """Stop unless the number of files that are to be removed was given."""
    if given == ASKED:
        try:
            given = typer.prompt(
                f"Type {count} to remove them from the catalogue", default="", err=True,
                show_default=False,
            )  # fmt: skip
        except (typer.Abort, OSError):
            given = ""
    if given.strip() != str(count):
        say(f"Error: {count} files are missing, not {given or 'none'}; none of them was removed.")
        raise typer.Exit(FAILED)


def _encoded_text(encoded: Encoded, left: int, name: str) -> str:
    text = f" {encoded.done} encoded by {name}." if encoded.done else ""
    if encoded.failed:
        text += f" {encoded.failed} could not be encoded by {name}."
    if left > encoded.failed:
        text += f" {left - encoded.failed} not encoded by {name}: --encoder {name} encodes them."
    return text


def _summary_text(summary: Summary, total: int, seconds: float, machines: str) -> str:
    counts = {
        "unchanged": summary.unchanged,
        "added": summary.added,
        "changed": summary.changed,
        "retagged": summary.retagged,
        "moved": summary.moved,
        "copies": summary.copied - summary.moved,
        "failed": summary.failed,
        "removed": summary.removed,
    }
    parts = [f"{count} {what}" for what, count in counts.items() if count > 0]
    where = f" on {machines}" if machines else ""
    files = f"{total} file{'s' if total != 1 else ''}"
    text = f"{files} in {seconds:.1f} s{where}: {', '.join(parts) or 'none read'}."
    if summary.silent:
        text += f" {summary.silent} of them silent: without emotion, and never found."
    if summary.no_music:
        text += f" {summary.no_music} of them no music: without emotion, and never found."
    if summary.described:
        text += f" The tags of {summary.described} were read for the first time."
    if summary.failed_before:
        text += f" {summary.failed_before} failed before; --retry tries them again."
    if summary.vanished:
        text += f" {summary.vanished} no longer there; --prune removes them."
    return text


def _missing_text(missing: tuple[str, ...]) -> str:
    pieces = "1 piece stays" if len(missing) == 1 else f"{len(missing)} pieces stay"
    return (
        f"{pieces} in the catalogue, missing with their folder or drive, such as "
        f"{Path(missing[0]).parent}: it may be on a drive that is not mounted. If they are gone "
        f"for good, {MISSING} removes them."
    )
