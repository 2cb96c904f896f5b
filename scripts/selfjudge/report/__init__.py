"""Report: what is shown of a finished or unfinished run.

In: the files of a run.  Out: one page, drawings with their tables, lines of text.
Nothing here decides anything that a stage depends on.

Read `run_files` first (what a run has), then `figure_tables`, `headlines`, `text`;
drawings: `drawings`, `charts`, `figures`, `score_figures`, `data_figures`,
`run_figures`, `costs`, `provenance`, `plots`; the page: `sampling`, `browsing`,
`marking`, `thumbnails`, `page_tables`, `page_drawings`, `page`.
"""
