"""Certificate: what can be said of a judge without labels, on pictures of its user.

In: pairs of prompts that no training has seen, and a judge's judgments of them and of
their variants.  Out: variants, certificates, and which judge to use.

Read in the order of the work: `severity`, `pictures`, `variants`, `building`; then
`answers`, `groups`, `figures`, `measures`, `calibration`, `leak`, `words`,
`certifying`; and `choice`.
"""
