"""Benchmarks: from a release to a score and its tests.

In: a release's file, then a judge's judgments of its pairs.  Out: pairs and what
only scoring may know of them, scores, and comparisons with intervals and tests.

Read in the order of the work: `releases`, `manifests`, `formats`, `preparing`,
`collections`, `protocols`, `votes`, `scores`, `criteria`, `scoring`, `statistics`,
`registry`, `comparisons`, `leaderboard`.  Each benchmark is a file more, which
`registry` lists; read one of them after `formats`.
"""
