"""Encoders whose weights a user adds: their table is ``large.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import cast

from hevner.encoders.base import Encoder, EncoderCard


@dataclass(frozen=True)
class Large:
    """An entry of the table.

    Attributes
    ----------
    card
        Facts about the encoder; the digest of the weights is joined to its version later.
    files
        Patterns of the names of the published files that are needed.
    converter, encoder
        Function and class behind `convert` and `load`, as ``module:name``.
    findings
        Which states predict emotion best, as published.
    """

    card: EncoderCard
    files: tuple[str, ...]
    converter: str
    encoder: str
    findings: tuple[str, ...] = ()

    def convert(self, source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
        """Make ``weights.safetensors`` in a folder from published files in another.

        Parameters
        ----------
        source, target
            Folders.
        progress
            Called from time to time with the amount done and the total.

        Raises
        ------
        ModelError
            If a file is missing or damaged, or does not hold what it should; it is named.
        """
        resolve_name(self.converter)(self.card, source, target, progress)

    def load(self, card: EncoderCard, folder: Path, device: str) -> Encoder:
        """Return the encoder of a card with the weights in a folder, read at its first use.

        Raises
        ------
        MissingDependencyError
            If a package is not installed.
        ModelError
            If there is no such device.
        """
        from hevner.encoders.weights import placed

        card, device = placed(card, device)
        return cast("Encoder", resolve_name(self.encoder)(card, folder, device))


def _read() -> Iterator[Large]:
    tables = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    for shared in tables.values():
        for name, own in shared.pop("encoders").items():
            facts = {"id": name} | shared | own
            facts["hop_samples"] = facts["window_samples"]
            facts["states"] = tuple(w for width, count in facts["states"] for w in [width] * count)
            facts["chosen"] = tuple(facts.get("chosen", ()))
            files = (*facts.pop("files"), *facts.pop("more_files", ()))
            code = facts.pop("converter"), facts.pop("encoder")
            findings = tuple(facts.pop("findings", ()))
            yield Large(EncoderCard(**facts), files, *code, findings)


LARGE = {entry.card.id: entry for entry in _read()}
"""The entries by name."""
