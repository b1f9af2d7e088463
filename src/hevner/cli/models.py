"""``hevner models``: which models and encoders there are, what is known of them, how two score."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from hevner.cli import encoders as encoder_verbs
from hevner.cli.group import Group
from hevner.cli.layout import UNSTATED, drawn, table, width, write, write_entry, write_json, yes_no
from hevner.cli.options import AsJson
from hevner.cli.progress import FAILED, FINE, say

if TYPE_CHECKING:
    from hevner.model.scores import Comparison, Pair, Score

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="List, show and compare models and encoders; add a model of your own, and the weights of "
    "large encoders.",
)

Model = Annotated[str, Argument(metavar="MODEL", help="Name, as 'list' has it, or path of a card.")]


@app.command("list")
def list_models(
    folder: Annotated[
        Path | None,
        Option(
            metavar="DIR",
            help="Also list the models in this folder: NAME.json beside NAME.npz or NAME.onnx.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the models of emotion, and the encoders that they use.

    Exit status: 0 all fine, 1 a card cannot be read; the others are listed.
    """
    from hevner import encoders
    from hevner.model import registry

    places = [registry.registered(), *([] if folder is None else [registry.in_folder(folder)])]
    entries = registry.shipped() + [entry for found, _ in places for entry in found]
    problems = [problem for _, found in places for problem in found]
    facts = [entry.facts() for entry in entries]
    cards = [encoders.card(name) for name in encoders.available()]
    if as_json:
        write_json({"models": facts, "encoders": [encoder_verbs.facts(card) for card in cards]})
    else:
        _write_models(facts)
        write("")
        write(encoder_verbs.draw_list(cards))
    for problem in problems:
        say(f"Error: {problem}")
    raise typer.Exit(FAILED if problems else FINE)


@app.command()
def show(model: Model, as_json: AsJson = False) -> None:
    """Show the card of a model or an encoder: data, licences, scores, limits."""
    from hevner import encoders
    from hevner.model import registry
    from hevner.model.scores import scores

    if model.partition("+")[0] in encoders.available():
        card = encoders.card(model)
        if as_json:
            write_json(encoder_verbs.facts(card))
        else:
            encoder_verbs.show(card)
        return
    entry = registry.find(model)
    predicts, measured = entry.predicts, scores(entry)
    if as_json:
        write_json(entry.card)
        return
    write(f"{entry.name}{', the default' if entry.default else ''}")
    write_entry("predicts", "; ".join(predicts) or UNSTATED)
    write_entry("commercial use", yes_no(entry.commercial_use))
    write_entry("size", f"{entry.size / 1000:,.0f} kB")
    for field, value in entry.card.items():
        if field not in ("name", "version", "heads", "commercial_use", "scores"):
            _write_field(field.replace("_", " "), value)
    if measured is None:
        write_entry("scores", "the card holds none")
    else:
        write_entry("scores", f"from {measured.run or 'a run that the card does not name'}")
        _write_scores(measured.rows.values())
    words = entry.path.with_suffix(".md")
    if words.is_file():
        from rich.markdown import Markdown

        write("")
        write(drawn(Markdown(words.read_text("utf-8", "replace"))))


@app.command()
def compare(first: Model, second: Model, as_json: AsJson = False) -> None:
    """Put the scores of two models side by side, as their cards hold them.

    Only figures of the same protocol on as many pieces are compared; the others are named.

    Exit status: 0 all fine, 1 a card holds no scores, or none that may be compared.
    """
    from hevner.model import registry, scores

    entries = registry.find(first), registry.find(second)
    comparison = scores.compare(*entries)
    names = entries[0].name, entries[1].name
    if as_json:
        write_json(_describe(comparison, names))
    else:
        _write_comparison(comparison, names)


@app.command()
def add(
    what: Annotated[
        str,
        Argument(
            metavar="FILE|ENCODER",
            help="A model of your own, NAME.onnx with its card NAME.json beside it; or the name of "
            "an encoder, as 'list' has it.",
        ),
    ],
    name: Annotated[
        str,
        Option(help="Name to register the model under.", show_default="that of its card"),
    ] = "",
    source: encoder_verbs.From = "",
    accept_licence: encoder_verbs.Accept = False,
    offline: encoder_verbs.Offline = False,
) -> None:
    """Add a model of your own, or the weights of a large encoder.

    A model is checked, and copied with its card; --model then takes its name. No file is read as a
    program: a model is an ONNX graph, and the published files of an encoder are read as plain
    tensors and converted; a download is removed afterwards. Weights that were added before are
    replaced when all is done.

    Exit status: 0 all fine, 1 nothing was added, 130 after Ctrl-C.
    """
    from hevner.model import registry

    if not registry.is_file(what):
        if name:
            raise typer.BadParameter("is for models, not encoders", param_hint="--name")
        encoder_verbs.add(what, source, accept_licence=accept_licence, offline=offline)
        return
    entry = registry.add(Path(what), name)
    write(f"{entry.name}: added, {entry.size / 1000:,.0f} kB, SHA-256 {entry.card['sha256']}")
    write(f"In {entry.path.parent}. Use it with --model {entry.name}.")


app.command()(encoder_verbs.check)


@app.command()
def remove(
    what: Annotated[
        str,
        Argument(metavar="MODEL|ENCODER", help="Name of a model that was added, or of an encoder."),
    ],
) -> None:
    """Remove a model that was added, or the weights of an encoder, from this computer.

    Exit status: 0 all fine, 1 it has not been added or cannot be removed.
    """
    from hevner import encoders
    from hevner.model import registry

    if what in encoders.available():
        encoder_verbs.remove(what)
        return
    entry = registry.find(what)
    size = registry.remove(entry)
    write(f"{entry.name}: removed, {size / 1000:,.0f} kB freed")


def _write_models(facts: list[dict[str, Any]]) -> None:
    headings = ("Model", "Predicts", "Trained on", "Licence", "Commercial use", "kB")
    rows = [
        (
            f"{one['name']}{' *' if one['default'] else ' (own)' if one['own'] else ''}",
            "; ".join(one["predicts"]) or UNSTATED,
            ", ".join(one["trained_on"]) or UNSTATED,
            _licences(one["licences"]),
            yes_no(one["commercial_use"]),
            f"{one['bytes'] / 1000:,.0f}",
        )
        for one in facts
    ]
    write(table(headings, rows))
    write("* the default")
    if any(one["own"] for one in facts):
        write("(own) added by you")


def _licences(licences: dict[str, Any]) -> str:
    terms = {"code": licences["code"], "weights": licences["weights"]}
    terms |= licences["data"] or {"data": None}
    return "\n".join(f"{name}: {text or UNSTATED}" for name, text in terms.items())


def _write_field(heading: str, value: Any) -> None:
    """Write a field of a card that may hold anything."""
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for number, one in enumerate(value):
            write_entry("" if number else heading, _plain(one))
    else:
        write_entry(heading, _plain(value))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        name = f"{value['name']}: " if "name" in value else ""
        parts = [f"{k.replace('_', ' ')} {_plain(v)}" for k, v in value.items() if k != "name"]
        return name + ", ".join(parts)
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return yes_no(value) if isinstance(value, bool) or value is None else str(value)


def _write_scores(rows: Iterable[Score]) -> None:
    headings = ("Protocol", "Dataset", "Metric", "Score", "Pieces", "Groups", "Seeds")
    cells = [
        (*row.key, _figure(row), f"{row.n:,}", f"{row.groups:,}", str(row.seeds)) for row in rows
    ]
    write(table(headings, cells))


def _write_comparison(comparison: Comparison, names: tuple[str, str]) -> None:
    for name, run in zip(names, comparison.runs, strict=True):
        write_entry(name, f"from {run or 'a run that the card does not name'}")
    write("")
    headings = ("Protocol", "Dataset", "Metric", *names, "Difference", "Seeds")
    write(table(headings, [_row(pair) for pair in comparison.pairs]))
    write(
        "* The intervals do not meet. Where they do, a paired test on the same pieces can still "
        "find a difference."
    )
    if comparison.refused:
        write("Not compared, since they were not measured in the same way:")
        for sentence in comparison.refused:
            write(textwrap.fill(sentence, width(), initial_indent="  ", subsequent_indent="    "))
    for name, count in zip(names, comparison.alone, strict=True):
        if count:
            write(f"Only {name} has {count} more score{'s' * (count != 1)}.")


def _row(pair: Pair) -> tuple[str, ...]:
    marks = {True: " *", False: "", None: " (no interval)"}
    seeds = dict.fromkeys((pair.first.seeds, pair.second.seeds))
    return (
        *pair.first.key,
        _figure(pair.first),
        _figure(pair.second),
        f"{pair.difference:+.3f}{marks[pair.apart]}",
        " and ".join(map(str, seeds)),
    )


def _figure(score: Score) -> str:
    if score.low is None or score.high is None:
        return f"{score.value:.3f}"
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def _describe(comparison: Comparison, names: tuple[str, str]) -> dict[str, Any]:
    return {
        "models": [
            {"name": name, "run": run, "alone": alone}
            for name, run, alone in zip(names, comparison.runs, comparison.alone, strict=True)
        ],
        "scores": [
            {
                "first": asdict(pair.first),
                "second": asdict(pair.second),
                "difference": pair.difference,
                "apart": pair.apart,
            }
            for pair in comparison.pairs
        ],
        "refused": list(comparison.refused),
    }
