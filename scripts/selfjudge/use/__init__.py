"""Use: ask a trained judge about responses of one's own, and hand it on.

In: a judge's folder, and rows of images, a question and responses.  Out: which is
better, in which order they stand, how probable that is; a server; a reward; a folder
for the Hub.  Scripts and `run` alone import it.

Read `asked` and `trust` (what a judge's folder says of itself), `rows`, `comparing`,
`tournaments`, `judges` (which has the model), `asking`; then `pictures`, `serving`,
`reward`, `verl_reward` and `export`.
"""
