"""Train a vision-language judge without preference labels.

Layers, bottom up; a module imports only from what stands before it in this list:

1. ``records``, ``seeds``, ``ledgers``: what is on disk, where randomness comes
   from, what a run cost.
2. ``answers``, ``routing``, ``alterations``, ``verdicts``, ``images``,
   ``rendering``, ``filters``, ``groups``, ``asking``, ``orders``,
   ``protocols``, ``config``, ``fingerprints``, ``code_modules``, ``code_links``,
   ``code_fingerprints``, ``marking``, ``thumbnails``, ``page_drawings``,
   ``page_tables``, ``families``: one idea each, about one
   text, one image, one request or one run.
3. ``sources``, ``prompts``, ``pairs``, ``position_bias``, ``acceptance``,
   ``cuts``, ``filter_counts``, ``filtering``,
   ``cascade``, ``releases``, ``manifests``, ``benchmarks``, ``blinding``,
   ``statistics``, ``votes``, ``scores``, ``scoring``, ``leaderboard``,
   ``comparisons``, ``samples``, ``browsing``, ``targets``, ``headlines``,
   ``paired_tests``, ``runs``, ``tables``, ``costs``, ``facts``, ``drawings``,
   ``charts``, ``rule_graph``, ``figures``, ``score_figures``,
   ``data_figures``, ``run_figures``, ``plots``, ``report``,
   ``workload``, ``planning``, ``plan_text``: decisions over streams of records,
   and what is shown of them.
4. ``engines``, ``training``: the only modules that know a model.
5. ``commands``, ``model_commands`` and the scripts beside this package: read,
   call, write.

The package knows nothing of Snakemake.
"""
