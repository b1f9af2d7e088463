"""Files that ``hevner analyze`` makes for each piece: plots and annotations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from mimetypes import guess_type
from pathlib import Path

from hevner.errors import OutputError
from hevner.files import Found, display_name, make_folder, write_file
from hevner.output.annotations import PER_PIECE
from hevner.result import Analysis

PLOT_ENDINGS = (".png", ".svg", ".pdf")
"""Endings that make the argument of ``--plot`` a file."""


class PieceFiles(ABC):
    """Files for each piece, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[str] = set()

    @abstractmethod
    def write(self, analysis: Analysis, found: Found) -> None:
        """Write what is made of a piece; raises `OutputError`."""

    def _free(self, name: str) -> str:
        """The name itself, or with a number if another piece has it, such as ``sub/song-2``."""
        number, free = 1, name
        while free.casefold() in self._taken:
            number += 1
            free = f"{name}-{number}"
        self._taken.add(free.casefold())
        return free


class Annotations(PieceFiles):
    """Annotations in one of the forms of `PER_PIECE`: ``folder/sub/song.jams``."""

    def __init__(self, folder: Path, form: str) -> None:
        super().__init__(folder)
        self._files_of = PER_PIECE[form]

    def write(self, analysis: Analysis, found: Found) -> None:
        """Write the files of a piece; raises `OutputError`."""
        name = self._free(str(found.name.with_suffix("")))
        for ending, text in self._files_of(analysis).items():
            path = self._folder / f"{name}.{ending}"
            make_folder(path.parent)
            write_file(path, text.encode())


class Plots(PieceFiles):
    """Where each plot goes: ``folder/sub/song.mp3.png``.

    Parameters
    ----------
    place
        A folder, or for a single piece a file.
    found
        All files.
    """

    def __init__(self, place: Path, found: list[Found]) -> None:
        super().__init__(place)
        self._file: Path | None = None
        if place.is_dir():
            return
        if place.suffix.lower() in PLOT_ENDINGS:
            if len(found) > 1:
                raise OutputError(
                    f"one file cannot hold the plots of {len(found)} pieces",
                    subject=display_name(place),
                    remedy="Name a folder after --plot",
                )
            self._file = place
        elif guess_type(place.name)[0] is not None:
            raise OutputError(
                f"plots are {', '.join(PLOT_ENDINGS)}, not {place.suffix}",
                subject=display_name(place),
                remedy="Name such a file after --plot, or a folder",
                code="other_ending",
            )

    def write(self, analysis: Analysis, found: Found) -> None:
        """Draw an analysis; raises `OutputError`."""
        from hevner.output import plot

        target = self._file or self._folder / f"{self._free(str(found.name))}.png"
        make_folder(target.parent)
        plot.save(analysis, target)
