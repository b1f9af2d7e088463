"""Experiments across datasets: what a model trained on some is worth on others.

Conventions
-----------
A *study* (`recipe`) names datasets, representations, models and protocols. Its *material*
(`material`) is what is at hand of them. A protocol is laid out as *layouts* (`layouts`): which rows
are trained on and which are tested, with the leak check done. A layout, a representation and a
model make a *task* (`run`), which is fitted for every seed and kept. Its *cells* (`scores`) are
rows of the table: training sets, test set, representation, model, axis. *Claims* (`claims`)
compare cells in pairs.

Valence and arousal are on the unit scale. A dataset rated in quadrants alone is scored by the area
under the ROC curve of high against low; one with GEMS ratings by its proxies
(`hevner.lab.data.labels.gems_axes`).
"""

from __future__ import annotations

from hevner.lab.study.claims import Verdict, judge
from hevner.lab.study.layouts import Layout, lay_out
from hevner.lab.study.material import Material, survey
from hevner.lab.study.recipe import FusionRecipe
from hevner.lab.study.run import Outcome, plan, run
from hevner.lab.study.scores import Cell

__all__ = [
    "Cell",
    "FusionRecipe",
    "Layout",
    "Material",
    "Outcome",
    "Verdict",
    "judge",
    "lay_out",
    "plan",
    "run",
    "survey",
]
