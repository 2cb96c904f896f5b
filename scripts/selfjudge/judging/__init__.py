"""Judging: from pairs to rows to train on.

In: pairs, then a judge's raw texts.  Out: what a judge is asked, its verdicts,
accepted rows, and dropped judgments with their reasons.

Read in the order of the work: `asks`, `verdicts` (with `statements`, `sentences` and
`wordings`), `grounds` (with `reasons`), `acceptance`, `joining`, `filtering`, `counts`,
and `reinforcement`.
Beside them: `probabilities`.
"""
