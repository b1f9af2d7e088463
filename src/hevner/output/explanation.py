"""Explanations as text to read."""

from __future__ import annotations

from hevner.output import Record, Writer
from hevner.result import Analysis
from hevner.words.explaining import lines


class ExplanationWriter(Writer):
    """A paragraph for each file: why its readings are what they are."""

    def write(self, record: Record) -> None:
        """Add a paragraph."""
        if isinstance(record, Analysis):
            head, rest = f"{record.path}: {record.headline}", lines(record)
        else:
            head, rest = f"{record.path}: failed: {record.cause}", [record.remedy]
        self.destination.write("\n".join([head, *rest]) + "\n\n")
