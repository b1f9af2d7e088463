"""Studies across datasets: how well a model trained on some datasets predicts others.

Conventions
-----------
A protocol of the recipe gives *experiments* (`experiments`): datasets to train on, with the splits
of every seed and the leak check. An experiment, a representation and a model make a cell (`study`),
which is fitted for every seed. Rows of the table name training sets, test set,
representation, model and axis.

Valence and arousal are on the unit scale. A dataset that is rated in quadrants alone is scored by
the area under the ROC curve of high against low; one with GEMS ratings by its proxies
(`hevner.lab.data.labels.gems_axes`).
"""
