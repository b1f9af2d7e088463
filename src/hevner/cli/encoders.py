"""Encoders under ``hevner models``: what is known of them, and weights added, checked, removed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from hevner.cli.layout import table, write, write_entry, yes_no
from hevner.cli.progress import interruptible, progress_bars

if TYPE_CHECKING:
    from hevner.encoders.base import EncoderCard
    from hevner.encoders.weights.record import Weights

Name = Annotated[str, Argument(metavar="ENCODER", help="Name of an encoder, as 'list' has it.")]
From = Annotated[
    str,
    Option(
        "--from",
        metavar="DIR|HUB_ID[@REVISION]",
        help="Folder with the published files of an encoder, or name on the Hugging Face hub. "
        "Default: where the encoder's authors have put them, if that is on the hub.",
    ),
]
Accept = Annotated[
    bool,
    Option("--accept-licence", help="Accept a licence that does not permit commercial use."),
]
Offline = Annotated[
    bool,
    Option("--offline", help="Make no network call; HEVNER_OFFLINE=1 has the same effect."),
]

STOPPED = "Stopped; nothing was changed. Files that were fetched whole are kept."


def add(encoder: str, source: str, *, accept_licence: bool, offline: bool) -> None:
    """Add the weights of a large encoder; the options are those of ``hevner models add``."""
    from hevner.encoders import weights
    from hevner.encoders.weights.devices import size_text

    with interruptible(STOPPED), progress_bars() as progress:
        done = weights.add(
            encoder, source, accept_licence=accept_licence, offline=offline, progress=progress
        )
    write(f"{done.encoder}: weights added, {size_text(done.size)}, SHA-256 {done.digest}")
    write(f"From {_origin(done)}.")
    write(f"In {done.folder}.")


def check(encoder: Name) -> None:
    """Read the weights of an encoder again and compare them with their SHA-256.

    Exit status: 0 all fine, 1 they are damaged or have not been added, 130 after Ctrl-C.
    """
    from hevner.encoders import weights

    with interruptible(STOPPED), progress_bars() as progress:
        found = weights.verify(encoder, progress)
    write(f"{found.encoder}: the weights are as they were added, SHA-256 {found.digest}")


def remove(encoder: str) -> None:
    """Remove the weights of an encoder from this computer."""
    from hevner.encoders import weights
    from hevner.encoders.weights.devices import size_text

    size = weights.remove(encoder)
    write(f"{encoder}: weights removed, {size_text(size)} freed")


def facts(card: EncoderCard) -> dict[str, Any]:
    """All that is known of an encoder, as JSON values."""
    from hevner.encoders import weights

    found = weights.added(card.id)
    record = None if found is None else {**asdict(found), "folder": str(found.folder)}
    return {**asdict(card), "weights": _state(card), "added": record}


def draw_list(cards: list[EncoderCard]) -> str:
    """A table of encoders."""
    from hevner.encoders.weights.devices import size_text

    headings = (
        "Encoder", "Window", "Numbers", "States", "Memory", "Weights", "Licence",
        "Commercial use", "What it is",
    )  # fmt: skip
    rows = [
        (
            card.id,
            f"{card.window_samples / card.sample_rate:.2f} s at {card.sample_rate} Hz",
            str(card.dimension),
            state_widths(card),
            size_text(card.memory) if card.memory else "small",
            _state(card),
            card.licence,
            yes_no(card.commercial_use),
            card.description,
        )
        for card in cards
    ]
    return table(headings, rows)


def show(card: EncoderCard) -> None:
    """Write all that is known of an encoder."""
    from hevner import encoders
    from hevner.encoders import weights
    from hevner.encoders.weights.devices import size_text

    plain = card.id.partition("+")[0]
    write(f"{card.id}{f'-{card.version}' if card.version else ''}, an encoder")
    write_entry("what it is", card.description)
    write_entry("input", _input(card))
    write_entry("output", _output(card))
    if card.states:
        write_entry(
            "states",
            f"{state_widths(card)}; {plain}+1 takes state 1, {plain}+1+2 two side by side, "
            f"{plain}+all all",
        )
    findings = encoders.large_entry(plain).findings if encoders.is_large(card.id) else ()
    for number, words in enumerate(findings):
        write_entry("" if number else "for emotion", words)
    write_entry("memory", f"about {size_text(card.memory)}" if card.memory else "small")
    write_entry("licence", card.licence)
    write_entry("commercial use", yes_no(card.commercial_use))
    write_entry("to cite", card.citation or "nothing")
    if encoders.is_large(card.id):
        write_entry("source", card.source)
    write_entry("weights", _state(card))
    if found := weights.added(card.id):
        _show_weights(found)
    elif encoders.is_large(card.id):
        write_entry("to add them", weights.command(card))


def _show_weights(found: Weights) -> None:
    from hevner.encoders.weights.devices import size_text

    accepted = ", accepted by option" if found.licence_accepted else ""
    write_entry("  added", f"{found.added}, under {found.licence}{accepted}")
    write_entry("  from", _origin(found))
    for name, digest in found.files.items():
        write_entry("", f"{name}: SHA-256 {digest}")
    write_entry("  in", str(found.folder))
    for name, (size, digest) in found.parts.items():
        write_entry("", f"{name}: {size_text(size)}, SHA-256 {digest}")


def _origin(found: Weights) -> str:
    return f"{found.source} at {found.revision}" if found.revision else found.source


def _state(card: EncoderCard) -> str:
    """Where the weights are, in words."""
    from hevner import encoders
    from hevner.encoders.weights import record

    if not encoders.is_large(card.id):
        return "with hevner"
    if card.version:
        return "added"
    place = record.place_of(card.id.partition("+")[0])
    return "damaged" if (place / record.RECORD).exists() else "not added"


def state_widths(card: EncoderCard) -> str:
    """Number and width of the states; empty if there are none to choose from."""
    if not card.states:
        return ""
    narrow, wide = min(card.states), max(card.states)
    return f"{len(card.states)} x {narrow if narrow == wide else f'{narrow}-{wide}'}"


def _input(card: EncoderCard) -> str:
    window, hop = (n / card.sample_rate for n in (card.window_samples, card.hop_samples))
    shorter = ", or a shorter piece as a whole" if card.shortest else ""
    return f"windows of {window:.2f} s, one every {hop:.2f} s, at {card.sample_rate} Hz{shorter}"


def _output(card: EncoderCard) -> str:
    which = " and ".join(map(str, card.chosen))
    means = f": means of state{'s' * (len(card.chosen) > 1)} {which}" if which else ""
    return f"{card.dimension} numbers per window{means}"
