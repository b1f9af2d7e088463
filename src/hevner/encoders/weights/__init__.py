"""Weights of large encoders on this computer: added once, checked, found when they are used.

Conventions
-----------
Names may carry states (``mert-v1-95m+8``); weights belong to the plain name. Only `add` may use the
network, through `hevner.encoders.weights.hub`; `hevner.encoders.weights.record`
describes what is kept. To look for weights takes the standard library only.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hevner import encoders, extras
from hevner.encoders.weights import hub, record
from hevner.encoders.weights.devices import PACKAGES, check_memory, placed
from hevner.encoders.weights.record import Progress, Published, Weights, home
from hevner.errors import ModelError, OutputError
from hevner.files import cannot_write, display_name

if TYPE_CHECKING:
    from hevner.encoders.base import EncoderCard

__all__ = [
    "Weights",
    "add",
    "added",
    "check_memory",
    "command",
    "find",
    "home",
    "placed",
    "remove",
    "verify",
]


def find(name: str) -> Weights:
    """The weights of an encoder. That their files have the right size is checked.

    Raises
    ------
    ModelError
        If they have not been added, are damaged, or were added for another version of hevner; it
        says with which command to add them.
    """
    card = _card(name)
    again = f"Add them again: {command(card)}"
    try:
        weights = record.read(record.place_of(card.id))
    except FileNotFoundError as error:
        raise ModelError(
            f"the weights of {card.id} have not been added",
            remedy=f"Add them: {command(card)}",
            code="weights_missing",
        ) from error
    except ModelError as error:
        raise ModelError(
            error.cause, subject=error.subject, remedy=again, code=error.code
        ) from error
    if weights.version != card.version:
        raise ModelError(
            f"the weights of {card.id} were added for another version of hevner",
            remedy=again,
            code="weights_outdated",
        )
    for part, (size, _digest) in weights.parts.items():
        file = weights.folder / part
        real = file.stat().st_size if file.is_file() else None
        if real != size:
            problem = "is missing" if real is None else f"has {real} bytes instead of {size}"
            raise ModelError(
                f"the file of weights {problem}",
                subject=display_name(file),
                remedy=again,
                code="weights_damaged",
            )
    return weights


def added(name: str) -> Weights | None:
    """The weights of an encoder, or None if there are none that are sound."""
    try:
        return find(name)
    except ModelError:
        return None


def verify(name: str, progress: Progress = lambda *_: None) -> Weights:
    """Read all files of the weights of an encoder again and compare them with the record.

    Raises
    ------
    ModelError
        If a file is not what was added.
    """
    weights = find(name)
    files = {part: weights.folder / part for part in weights.parts}
    real = record.digests(files, "Checking", progress)
    for part, (_size, digest) in weights.parts.items():
        if real[part] != digest:
            raise ModelError(
                "the file of weights has changed since it was added",
                subject=display_name(files[part]),
                remedy=f"Add them again: {command(_card(name))}",
                code="weights_damaged",
            )
    return weights


def remove(name: str) -> int:
    """Remove the weights of an encoder, and what a stopped `add` left; return the bytes freed.

    Raises
    ------
    ModelError
        If there is nothing to remove, or another process adds them at this moment.
    OutputError
        If they cannot be removed.
    """
    card = _card(name)
    place = record.place_of(card.id)
    size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    if not size:
        raise ModelError(f"the weights of {card.id} have not been added", code="weights_missing")
    with record.locked(place):
        try:
            (place / record.RECORD).unlink(missing_ok=True)
            record.clear(place)
        except OSError as error:
            raise OutputError(
                f"cannot be removed ({error.strerror or error})",
                subject=display_name(place),
                remedy="Check the permissions of the folder",
            ) from error
    return size


def add(
    name: str,
    source: str = "",
    *,
    accept_licence: bool = False,
    offline: bool = False,
    progress: Progress = lambda *_: None,
) -> Weights:
    """Convert published weights of an encoder and keep them; they replace those kept before.

    Parameters
    ----------
    name
        Name of a large encoder.
    source
        A folder with the published files, or a file in it; or a name on the hub,
        ``OWNER/NAME`` or ``OWNER/NAME@REVISION``. Without it, the `source` of the encoder's card.
    accept_licence
        Whether the user accepts a licence that forbids commercial use.
    offline
        Make no network call; the variable HEVNER_OFFLINE has the same effect.
    progress
        Called with what is being done, the amount done and the total.

    Raises
    ------
    ModelError
        If there is no such encoder or source, the licence is not accepted, the files are not those
        of this encoder, or another process adds the same weights.
    MissingDependencyError
        If packages are not installed.
    OutputError
        If there is too little room, or the folder cannot be written.
    """
    card = _card(name)
    _check_licence(card, accept_licence)
    extras.require("encoders", "adding weights", *PACKAGES)
    patterns = encoders.large_entry(card.id).files
    place = record.place_of(card.id)
    folder = _folder_of(card, source)
    if folder is None:
        published = hub.look(source or card.source, patterns, offline=offline, encoder=card.id)
    with record.locked(place):
        if folder is None:
            folder = _download(published, place)
        else:
            record.clear(place)
            published = _in_folder(folder, patterns)
        try:
            _convert(card, published, folder, accept_licence, progress)
        except ModelError:
            record.clear(place)  # A download that is not fit for use is not kept.
            raise
        record.clear(place)
    return find(card.id)


def command(card: EncoderCard) -> str:
    """The command that adds the weights of an encoder."""
    source = "" if hub.is_name(card.source) else " --from DIR"
    accept = "" if card.commercial_use else " --accept-licence"
    return f"hevner models add {card.id.partition('+')[0]}{source}{accept}"


def _card(name: str) -> EncoderCard:
    """The card of a large encoder as the table has it, so without the digest of weights."""
    plain = name.partition("+")[0]
    if plain in encoders.available() and not encoders.is_large(plain):
        raise ModelError(f"the weights of {plain} come with hevner", code="weights_included")
    return encoders.large_entry(plain).card


def _check_licence(card: EncoderCard, accepted: bool) -> None:
    if not card.commercial_use and not accepted:
        raise ModelError(
            f"the weights are under {card.licence}, which does not permit commercial use",
            subject=card.id,
            remedy=f"If you accept these terms, add --accept-licence: {command(card)}",
            code="licence_not_accepted",
        )


def _folder_of(card: EncoderCard, source: str) -> Path | None:
    """The folder that a source names, None for a name on the hub."""
    if not source and not hub.is_name(card.source):
        raise ModelError(
            "no source was given",
            subject=card.id,
            remedy=f"Fetch {card.source}, then: {command(card)}",
            code="no_source",
        )
    source = source or card.source
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        return path.parent
    if hub.is_name(source):
        return None
    raise ModelError(
        "there is no such file or folder, and it is no name on a hub",
        subject=display_name(source),
        remedy="Give the folder with the published files, or OWNER/NAME[@REVISION]",
        code="unknown_source",
    )


def _download(published: Published, place: Path) -> Path:
    """Fetch published files; what a stopped run has fetched of them is used."""
    folder = place / f"download-{published.revision[:12]}"
    record.clear(place, keep=(folder.name,))
    size = sum(published.sizes.values())
    here = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    record.check_room(place, max(size - here, 0) + size)
    hub.fetch(published, folder)
    return folder


def _in_folder(folder: Path, patterns: Iterable[str]) -> Published:
    """The published files that lie in a folder."""
    files = [one for pattern in patterns for one in sorted(folder.glob(pattern)) if one.is_file()]
    if not files:
        raise ModelError(
            f"the folder holds none of {', '.join(patterns)}",
            subject=display_name(folder),
            remedy="Give the folder with the files as they were published",
            code="file_missing",
        )
    sizes = {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}
    return Published(display_name(folder.resolve()), "", sizes, {})


def _convert(
    card: EncoderCard, published: Published, folder: Path, accepted: bool, progress: Progress
) -> None:
    """Make the converted files in a new folder, then the record that names it.

    Parameters
    ----------
    published, folder
        The published files, and where they lie.
    """
    place = record.place_of(card.id)
    record.check_room(place, sum(published.sizes.values()))
    found = {name: folder / name for name in published.sizes}
    source_digests = record.digests(found, "Reading", progress)
    for name, digest in source_digests.items():
        if published.digests.get(name, digest) != digest:
            raise ModelError(
                "what was downloaded is not what the hub announced",
                subject=f"{published.source}: {name}",
                remedy="Run the same command again",
                code="other_download",
            )
    target = place / secrets.token_hex(6)
    try:
        target.mkdir()
        encoders.large_entry(card.id).convert(folder, target, partial(progress, "Converting"))
        files = {file.name: file for file in sorted(target.iterdir())}
        real = record.digests(files, "Checking", progress)
        weights = Weights(
            encoder=card.id,
            version=card.version,
            folder=target,
            parts={name: (file.stat().st_size, real[name]) for name, file in files.items()},
            source=published.source,
            revision=published.revision,
            files=source_digests,
            licence=card.licence,
            licence_accepted=accepted,
            added=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        record.write(place, weights)
    except OSError as error:
        raise cannot_write(place, error) from error
    finally:
        record.clear(place, keep=(folder.name,))
