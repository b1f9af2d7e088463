"""The engine of all studies: cells that are computed once, a leak check, scores and claims.

Vocabulary
----------
A *recipe* says what a study compares. Its *data* are the tracks, features and labels of every
dataset that is complete. A *split* is a set of rows to train on and one to test. A *cell* is one
fit, or a few that belong together; it is computed once and kept in a file whose name is a digest
of all that decides its result (`kept`). A *claim* is a sentence that is tested by comparing two
systems on the same tracks (`claims`).

A kind of study is a subclass of `engine.Study`; `kinds` finds the one for a recipe:
`hevner.lab.cross_dataset`, `hevner.lab.unified`, `hevner.lab.joint`; and `hevner.lab.probe`, which
has a command of its own.
"""
