"""Pairs: from a user's rows to pairs of which one response is better by construction.

In: rows of a source, then a model's responses and rewrites.  Out: prompts, the
requests that a model is asked, pairs, and what gave none with its reason.

Read in the order of the work: `shapes`, `readers`, `columns`, `sources`, `pictures`,
`questions`, `contamination`, `imports` (with `source_rows` and `import_reports`),
`routing`, `pool`, `responses`, `answers` (which reads by `stated`, `normal`,
`notation`, `numbers`, `expressions`, `choices` and `words`), `alterations`,
`dressings`, `spellings`, `checks`, `filters`, `labelling`, `building`, `counts`,
`samples`.
"""
