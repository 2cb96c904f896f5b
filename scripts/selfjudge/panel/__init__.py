"""Panel: several members answer, rate each other's responses, and learn from it.

In: the responses of each member of a panel, then the raw ratings of all.  Out: what
is rated, what it is worth, preferences to train on, what the panel is like, and what
its members can do.  The source is Panel of Peers (arXiv 2509.01610), of which no
code is public.

Read in the order of the work: `candidates`, `rating` (what a member is asked),
`mark_forms` and `marks` (what it said), `tournament` (what a judge said), `ballots`
(whose word counts), `votes`, `unparsed` (who is not heard), `preferences`,
`agreement`, `gold` (what is right, where that is known), `audit`, `skills`,
`public_skills` (what lmms-eval says).
"""
