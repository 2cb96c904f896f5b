"""Report: what is shown of a finished or unfinished run.

In: the files of a run.  Out: one page, drawings with their tables, lines of text.
Nothing here decides anything that a stage depends on.

Read `results_folder` first (what a run has, and a whole one would have), then the
tables: `score_tables`, `data_tables`, `costs`, `run_table`; the drawings: `drawings`,
`charts`, `figures`, `score_figures`, `data_figures`, `run_figures`, `plot_index`,
`plots`; the terminal: `headlines`, `text_columns`, `score_text`; the page:
`shown_pairs`, `browsing`, `marking`, `thumbnails`, `page_tables`, `page_drawings`,
`panel_tables`, `certificate_tables`, `page`; where a record came from:
`lineage_files`, `lineage_index`, `lineage`, `lineage_ends`, `lineage_walk`,
`lineage_text`.
"""
