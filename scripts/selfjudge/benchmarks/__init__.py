"""Benchmarks: from a public release to a score and its tests.

In: a release's file, then a judge's judgments of its pairs.  Out: pairs and what
only scoring may know of them, scores, and comparisons with intervals and tests.

Read in the order of the work: `releases`, `manifests`, `preparing`, `collections`,
`protocols`, `parsers`, `votes`, `scores`, `scoring`, `statistics`, `comparisons`,
`leaderboard`.
"""
