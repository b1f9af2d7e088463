"""``hevner recipes``: the recipes that come with hevner, and where a verb is given one by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument

from hevner.cli.group import Group
from hevner.cli.layout import table, write, write_json
from hevner.cli.options import AsJson
from hevner.cli.progress import say, usage_errors

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="List, show and copy the recipes of models and studies that come with hevner.",
)

Name = Annotated[str, Argument(metavar="NAME", help="Recipe, as 'list' has it.")]


@app.command("list")
def list_recipes(as_json: AsJson = False) -> None:
    """List the recipes: those of models, then those of each paper."""
    from hevner.lab import recipe_files as files

    facts = [
        {"name": name, "paper": files.paper(path), "about": files.about(path)}
        for name, path in files.shipped().items()
    ]
    if as_json:
        write_json(facts)
        return
    for paper in dict.fromkeys(one["paper"] for one in facts):
        heading = f"Study of {paper}" if paper else "Model"
        rows = [(one["name"], one["about"]) for one in facts if one["paper"] == paper]
        write(table((heading, "About"), rows))
        write("")
    write("Use one by its name: hevner train NAME for models, hevner evaluate NAME for studies.")


@app.command()
def show(name: Name) -> None:
    """Show a recipe with its comments."""
    from hevner.lab import recipe_files as files
    from hevner.text_file import read_text

    with usage_errors():
        path = files.find(name)
    write(read_text(path).rstrip("\n"))


@app.command()
def copy(
    name: Name,
    folder: Annotated[
        Path,
        Argument(metavar="FOLDER", help="Folder for the copy.", show_default="this folder"),
    ] = Path(),
) -> None:
    """Copy a recipe, and those that it builds on, to edit them.

    Exit status: 0 all fine, 1 a file is there already or cannot be written, 2 no such recipe.
    """
    from hevner.lab import recipe_files as files

    with usage_errors():
        files.find(name)
    for path in files.copy(name, folder):
        say(f"{path} is ready.")


def located(given: Path | None) -> Path | None:
    """The file or folder that a verb was given as its recipe, by path or by name.

    What exists under the words themselves counts first. A namesake that does not count is named.
    """
    from hevner.lab import recipe_files as files

    if given is None or given.suffix == files.ENDING:
        return given
    name = given.as_posix()
    if given.exists():
        if name in files.shipped():
            say(f"{name}: taken from this folder; the recipe of hevner has the same name.")
        return given
    with usage_errors():
        path = files.find(name)
    namesake = Path(f"{name}{files.ENDING}")
    if namesake.exists():
        say(f"{name}: the recipe of hevner; for the file in this folder write {namesake}.")
    return path
