"""A plug-in of AudioMuse-AI that keeps the emotion of each song that AudioMuse-AI analyses.

A hook runs after each song, while its audio is still on disk; what hevner says of it goes into the
plug-in's own table. A song that fails is logged and passed over.
"""

from __future__ import annotations

from typing import Any

from plugin.api import get_db, logger, table

import hevner

NUMBERS = ("valence", "arousal", "tension", "familiarity")
COLUMNS = (*NUMBERS, "quadrant", "headline", "tags")


def make_table(db: Any) -> None:
    """Make the table of emotions; runs when the plug-in is installed or updated."""
    kinds = (f"{name} {'REAL' if name in NUMBERS else 'TEXT'}" for name in COLUMNS)
    cursor = db.cursor()
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS {table('emotions')} "
        f"(item_id TEXT PRIMARY KEY, {', '.join(kinds)})"
    )
    db.commit()
    cursor.close()


def keep_emotion(song: dict[str, Any]) -> None:
    """Analyse a song and keep its emotion, in the place of an earlier one."""
    try:
        row = hevner.analyze(song["audio_path"]).to_row()
    except hevner.HevnerError as error:
        logger.warning("no emotion of song %s: %s", song["item_id"], error)
        return
    places = ", ".join(["%s"] * (len(COLUMNS) + 1))
    changes = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS)
    db = get_db()
    cursor = db.cursor()
    cursor.execute(
        f"INSERT INTO {table('emotions')} (item_id, {', '.join(COLUMNS)}) VALUES ({places}) "
        f"ON CONFLICT (item_id) DO UPDATE SET {changes}",
        (song["item_id"], *(row[name] for name in COLUMNS)),
    )
    db.commit()
    cursor.close()


def register(ctx: Any) -> None:
    """Register the hooks; AudioMuse-AI calls it at each start."""
    ctx.on_install(make_table)
    ctx.on_song_analyzed(keep_emotion)
