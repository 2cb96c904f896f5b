"""Train a vision-language judge without preference labels.

Eight rooms; a module imports only from its own room and from those before it:

ground       what lies on disk between two stages, and chance
pairs        from a user's rows to pairs
judging      from pairs to rows to train on
benchmarks   from a release to a score and its tests
engines      who answers
training     from rows to a judge
report       what is shown of a run
run          config, command line, plan

The door of each, its __init__.py, says what goes in and out, and in which order to
read its files.  The package knows nothing of Snakemake; only engines and training
know a model.
"""
