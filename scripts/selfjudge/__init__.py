"""Train a vision-language judge without preference labels.

Layers, bottom up; a module imports only from layers below its own:

1. ``records``, ``seeds``: what is on disk, and where randomness comes from.
2. ``answers``, ``routing``, ``alterations``, ``verdicts``, ``images``,
   ``rendering``: one idea each, about one text, one image or one request.
   (``filters``, ``config`` and ``fingerprints`` stand here too.)
3. ``sources``, ``prompts``, ``pairs``, ``filtering``, ``benchmarks``,
   ``statistics``, ``scores``: decisions over streams of records.
4. ``engines``, ``training``: the only modules that know a model.
5. ``commands`` and the scripts beside this package: read, call, write.

The package knows nothing of Snakemake.
"""
