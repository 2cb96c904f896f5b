"""Ground: what lies on disk between two stages, and chance.

In: bytes of files, the seed of the run.  Out: checked records, whole files, seeds,
hashes that change when what they stand for really does.  Knows no stage.

Read `records` first, then `lines` (how they are read and written), `joins`,
`requests` (what is asked of a model), `seeds`, `shares`, `places` (where in a run a
file lies), `templates`, `thoughts`, `images`, `ledgers`, `fingerprints`, `versions`;
and for what makes a stage stale `code_fingerprints`, `code_links`, `code_modules`.
"""
