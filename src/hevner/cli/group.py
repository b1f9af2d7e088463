"""Groups of commands: help in panels with whole sentences, and errors in one line."""

from __future__ import annotations

import shutil
from typing import Any

import typer
from typer.core import TyperGroup

from hevner import extras
from hevner.cli.progress import FAILED, say
from hevner.errors import HevnerError

ANALYSE, FIND, SERVE, RESEARCH = "Analyse", "Find", "Serve", "Research"
"""Panels of the help, in their order."""

EXTRAS = {"serve": "serve", "mcp": "mcp"} | dict.fromkeys(
    ("train", "evaluate", "probe", "gap", "rehearse"), "lab"
)
"""The extra to recommend to the users of a command, if several install what is missing."""

UNLIMITED = 10_000

NARROW, NARROWEST = 52, 30
"""Characters per line below which help is fitted to the terminal, and the fewest."""


class Group(TyperGroup):
    """A group whose commands report errors in one line with exit status 1."""

    def make_context(self, *args: Any, **settings: Any) -> Any:
        """Parse the arguments; narrow terminals get help of their width, which stops at 50."""
        columns = shutil.get_terminal_size().columns
        if columns < NARROW:
            settings.setdefault("terminal_width", max(columns, NARROWEST))
        return super().make_context(*args, **settings)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except HevnerError as error:
            say(f"Error: {error}")
            raise typer.Exit(FAILED) from error
        except ModuleNotFoundError as error:
            module, verb = error.name or "", ctx.invoked_subcommand or ""
            if not extras.extra_of(module):
                raise
            group = f"{ctx.info_name} " if ctx.parent else ""  # else the name of the program
            lacking = extras.missing(module, f"'hevner {group}{verb}'", EXTRAS.get(verb, ""))
            say(f"Error: {lacking}")
            raise typer.Exit(FAILED) from error

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands of each panel with the first sentence about each."""
        width = max(map(len, self.commands))
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.commands[name]
            panel = getattr(command, "rich_help_panel", None)
            rows = panels.setdefault(panel if isinstance(panel, str) else "Commands", [])
            rows.append((name.ljust(width), command.get_short_help_str(UNLIMITED)))
        for title, rows in panels.items():
            with formatter.section(title):
                formatter.write_dl(rows)
