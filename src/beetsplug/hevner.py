"""The emotion of music in a library of beets: ``beet ls valence:0.5.. arousal:..0``.

Fields of items: ``valence``, ``arousal`` and ``tension`` on -1..1, ``mood``, ``hevner_key`` such
as ``Am``, and ``bpm``, which beets knows, where it has none. Mood, key and tempo are only there if
hevner is sure of them. Analyses are kept by the content of files in hevner's cache, so that a
second run is instant. Nothing is sent anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from beets.dbcore import types
from beets.importer import ImportSession, ImportTask
from beets.library import Item, Library
from beets.plugins import BeetsPlugin
from beets.ui import Subcommand

from hevner.batch import analyze_many, usable_cores
from hevner.cache import Cache
from hevner.defaults import identity
from hevner.emotion import UNIT
from hevner.folders import LateAnalyzer
from hevner.model import registry
from hevner.result import SURE, Analysis, Failure
from hevner.tags.values import KEY, MOOD, TEMPO, values_of

AXES = ("valence", "arousal", "tension")


class HevnerPlugin(BeetsPlugin):
    """Analyses items when they are imported, or when ``beet hevner`` is called."""

    item_types = dict.fromkeys(AXES, types.Float(3)) | dict.fromkeys(
        ("mood", "hevner_key"), types.STRING
    )

    def __init__(self) -> None:
        super().__init__()
        self.config.add({"auto": True, "sure": SURE, "model": "", "jobs": 0})
        if self.config["auto"].get(bool):
            self.import_stages = [self.imported]

    def commands(self) -> list[Subcommand]:
        """The command ``beet hevner``."""
        command = Subcommand("hevner", help="analyse the emotion of music that has none yet")
        command.parser.add_option(
            "-f", "--force", action="store_true", help="analyse items that have it too"
        )

        def run(library: Library, options: Any, words: list[str]) -> None:
            items = list(library.items(words))
            self.analyze(one for one in items if options.force or one.get("valence") is None)

        command.func = run
        return [command]

    def imported(self, _session: ImportSession, task: ImportTask) -> None:
        """Analyse what is imported."""
        self.analyze(task.imported_items())

    def analyze(self, items: Iterable[Item]) -> None:
        """Analyse items and store their fields; one that fails is a warning."""
        chosen = list(items)
        graph = registry.path_of(self.config["model"].as_str())
        jobs = self.config["jobs"].get(int) or usable_cores()
        paths = [Path(os.fsdecode(item.path)) for item in chosen]
        cache = Cache(identity(model=graph))
        results = analyze_many(paths, LateAnalyzer(None, graph), jobs, cache)
        for item, result in zip(chosen, results, strict=True):
            if isinstance(result, Failure):
                text = f"{result.path}: {result.cause}. {result.remedy}"
                self._log.warning("{}", text)
                continue
            item.update(self.fields(item, result))
            item.store()
            self._log.info("{}: {}", result.path, result.headline)

    def fields(self, item: Item, analysis: Analysis) -> dict[str, Any]:
        """The fields of an item, from its analysis; a ``bpm`` that is there stays."""
        found: dict[str, Any] = {
            name: one.value for name, one in analysis.on(UNIT).estimates().items()
        }
        values = values_of(analysis, (MOOD, TEMPO, KEY), sure=self.config["sure"].as_number())
        if MOOD in values:
            found["mood"] = "; ".join(values[MOOD])
        if KEY in values:
            found["hevner_key"] = values[KEY][0]
        if TEMPO in values and not item.bpm:
            found["bpm"] = int(values[TEMPO][0])
        return found
