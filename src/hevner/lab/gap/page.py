"""HTML of the gap report: one file without scripts, which loads nothing."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from string import Template

LONG = 16
"""Tables with more rows are folded away."""

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light; }
body { margin: 0 auto; padding: 2rem 1.2rem 5rem; max-width: 62rem; background: #fff; color: #222;
  font: 1.02rem/1.6 Charter, "Bitstream Charter", Cambria, Georgia, serif; }
h1, h2, h3, th, caption, nav, dt, summary, footer {
  font-family: system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.35rem; margin: 3.2rem 0 .6rem; padding-top: .7rem;
  border-top: 2px solid #0072b2; }
p, dd, li { max-width: 44rem; }
nav ol { columns: 2; padding-left: 1.3rem; font-size: .95rem; }
a { color: #00548a; }
figure { margin: 1.2rem 0; }
figure img { max-width: 100%; height: auto; display: block; }
dl { margin: 1rem 0 1.6rem; padding: .3rem 1.1rem; background: #f3f7fa;
  border-left: 4px solid #0072b2; }
dt { font-weight: 600; font-size: .92rem; margin-top: .7rem; color: #00548a; }
dd { margin: 0 0 .7rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .88rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; font-size: .92rem; padding-bottom: .4rem; }
th, td { padding: .22rem .7rem .22rem 0; text-align: right; vertical-align: top; }
thead th { border-bottom: 1.5px solid #222; font-weight: 600; vertical-align: bottom; }
tbody tr { border-bottom: 1px solid #e3e3e3; }
th:first-child, td.text, th.text { text-align: left; }
tbody th { font-weight: 500; }
summary { cursor: pointer; font-size: .92rem; color: #00548a; }
footer { margin-top: 4rem; font-size: .85rem; color: #555; }
@media print { body { max-width: none; } h2 { break-after: avoid; }
  figure, dl { break-inside: avoid; } }
</style>
</head>
<body>
<header>
<h1>$title</h1>
$introduction
<nav aria-label="Contents"><ol>
$contents
</ol></nav>
</header>
<main>
$sections
</main>
<footer>$footer</footer>
</body>
</html>
""")

SECTION = Template("""<section id="$key" aria-labelledby="$key-heading">
<h2 id="$key-heading">$heading</h2>
$figures
<dl>
<dt>What you see</dt><dd>$see</dd>
<dt>What it means</dt><dd>$meaning</dd>
<dt>How sure this is</dt><dd>$sure</dd>
</dl>
$tables
</section>
""")


def figure(picture: bytes, alt: str) -> str:
    """A picture inside the page; ``alt`` describes it in words."""
    data = base64.b64encode(picture).decode("ascii")
    return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(alt)}"></figure>'


def table(
    caption: str, header: Sequence[str], rows: Sequence[Sequence[object]], digits: int = 2
) -> str:
    """A table; the first column names the row. Texts are escaped, floats rounded."""
    if not rows:
        return ""
    is_text = [all(isinstance(row[i], str) for row in rows) for i in range(len(header))]
    kind = [' class="text"' if text else "" for text in is_text]
    head = "".join(
        f'<th scope="col"{css}>{escape(name)}</th>' for name, css in zip(header, kind, strict=True)
    )
    body = "\n".join(
        f'<tr><th scope="row">{_cell(first, digits)}</th>'
        + "".join(
            f"<td{css}>{_cell(v, digits)}</td>" for v, css in zip(rest, kind[1:], strict=True)
        )
        + "</tr>"
        for first, *rest in rows
    )
    made = (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )
    if len(rows) <= LONG:
        return made
    return f"<details><summary>{escape(caption)}: {len(rows)} rows</summary>\n{made}\n</details>"


def number(value: float, digits: int = 2) -> str:
    """With a true minus sign, a dash for NaN."""
    if value != value:
        return "–"  # noqa: RUF001
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def interval(low: float, high: float, digits: int = 2) -> str:
    """Both ends."""
    return f"{number(low, digits)} to {number(high, digits)}"


def _cell(value: object, digits: int) -> str:
    return escape(number(value, digits) if isinstance(value, float) else str(value))
