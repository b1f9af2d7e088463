"""Begin a dataset of one's own: a commented ``layout.toml`` and a table to fill in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from hevner.datasets.layout import FILE, LABELS, RATED, Layout
from hevner.datasets.table import scale_name
from hevner.emotion import Scale
from hevner.errors import DataError
from hevner.files import SUFFIXES, display_name, write_file

MOMENTS = "moments"
"""Label that stands for a table of ratings over time."""

TEXT = """\
# What is where in this dataset. 'hevner datasets check own FOLDER' names what is wrong.

# The table of labels: CSV as any spreadsheet writes it (comma, semicolon or tab; UTF-8 or UTF-16).
# Each row is a track or, with a column "rater", what one rater gave to a track.
annotations = "{annotations}"

# The folder of the audio. The column "id" names each file, with or without its ending.
audio = "{audio}"

# Ratings over time: a table with the columns id, time (seconds), valence, arousal and, if there
# are several raters, rater. It is read if it is there.
moments = "{moments}"

# An empty cell is a mistake, or of tags says that none applies ("refuse"); or it is a label that
# this track lacks ("missing").
empty_cells = "{empty}"

# With a column "rater": all raters count alike ("equal"), or those who agree with the others count
# more ("agreement").
rater_weights = "equal"

# Between the tags of a track: calm, dark.
tag_separator = ","

# Columns under other names. Known are, beside id:
#   labels: valence, arousal, tension; anger, fear, joy, sadness, tenderness; those of GEMS,
#           mood_amazement, mood_solemnity, mood_tenderness, mood_nostalgia, mood_calmness,
#           mood_power, mood_joyful_activation, mood_tension, mood_sadness; quadrant (Q1 to Q4);
#           cluster (1 to 5, MIREX); category (classes of your own, one for each track); tags
#   about labels: rater; or valence_std, arousal_std, raters
#   about tracks: file, title, artist, album, genre, split, and group: tracks of one group stay on
#           one side whenever a model is tested. Without it the artist is the group.
[columns]
# valence = "V"
# category = "mood"

# The scale of each rating, lowest and highest possible answer. It is never guessed.
[scales]
{scales}
"""


def write_template(
    folder: Path, labels: Sequence[str], scale: Scale, *, by_rater: bool = False
) -> int:
    """Write ``layout.toml`` and a table with a row for each audio file of a folder.

    What was begun here before there was audio is begun again, as long as nobody has edited it.

    Parameters
    ----------
    folder
        Folder of the dataset; made if it is not there. Audio lies in it or in ``audio`` below it.
    labels
        Columns to fill in, any of `hevner.datasets.layout.LABELS`, and `MOMENTS` for a table of
        ratings over time.
    scale
        Scale of the ratings among them.
    by_rater
        Whether each row is to be what one rater gives.

    Returns
    -------
    int
        Number of rows written.

    Raises
    ------
    DataError
        If a label is not known, or a file with other content is there already.
    OutputError
        If a file cannot be written.
    """
    layout = Layout()
    _check(labels)
    below = folder / layout.audio
    inside = not below.is_dir() and any(_audio(folder))
    ids = [*dict.fromkeys(_audio(folder if inside else below))]
    columns = [name for name in labels if name != MOMENTS]
    header = ["id", *(["rater"] if by_rater else [])]
    rated = [*columns, *(["valence", "arousal"] if MOMENTS in labels else [])]
    scales = dict.fromkeys(scale_name(name) for name in rated if name in RATED)
    text = TEXT.format(
        annotations=layout.annotations,
        audio="." if inside else layout.audio,
        moments=layout.moments,
        # An empty cell of tags would say that no tag applies.
        empty="missing" if columns == ["tags"] else layout.empty_cells,
        scales="\n".join(f'{name} = "{scale.name}"' for name in scales) or '# valence = "1..9"',
    )
    tables = {layout.annotations: [*header, *columns]} if columns else {}
    if MOMENTS in labels:
        tables[layout.moments] = [*header, "time", "valence", "arousal"]
    begun = {name: _table(columns, []) for name, columns in tables.items()}
    begun[FILE] = text.encode("utf-8")
    for name in (FILE, layout.annotations, layout.moments):
        _check_unedited(folder / name, begun.get(name))
    (folder if inside else below).mkdir(parents=True, exist_ok=True)
    if columns:
        begun[layout.annotations] = _table(tables[layout.annotations], ids)
    for name, content in begun.items():
        write_file(folder / name, content)
    return len(ids)


def _check(labels: Sequence[str]) -> None:
    """Refuse labels that are not known."""
    unknown = [name for name in labels if name not in (*LABELS, MOMENTS)]
    if unknown or not labels:
        raise DataError(
            f"no label '{', '.join(unknown)}'",
            remedy=f"Choose among {', '.join((*LABELS, MOMENTS))}",
            code="unknown_choice",
        )


def _check_unedited(path: Path, begun: bytes | None) -> None:
    """Refuse a file that is there already, unless it is as it was begun."""
    if path.exists() and path.read_bytes() != begun:
        raise DataError(
            "is there already",
            subject=display_name(path),
            remedy="Move it away, or edit it",
            code="already_there",
        )


def _audio(folder: Path) -> list[str]:
    """Paths of the audio files below a folder, without their endings, sorted."""
    files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)
    return [path.relative_to(folder).with_suffix("").as_posix() for path in files]


def _table(header: list[str], ids: list[str]) -> bytes:
    """A table with a row for each id; marked as UTF-8, which spreadsheets need."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(header)
    table.writerows([name, *[""] * (len(header) - 1)] for name in ids)
    return text.getvalue().encode("utf-8-sig")
