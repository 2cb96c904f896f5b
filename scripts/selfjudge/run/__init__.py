"""Run: config, command line, probe, plan, and the cluster.  Nobody imports it.

In: config.yaml, site.yaml, arguments, what is stale, what SLURM says.  Out: checked
settings, one-line errors, what a few prompts come to, what a run still costs and how
far it is, what the next attempt of a job asks for.

Read `config`, `contradictions`, `shards`, `commands`, `disk`; what scripts share,
`training_jobs`, `judging_jobs`, `projects`, `using`; `families` (which model runs
where); the probe: `probing`, `probe_report`, `probe_text`; the plan: `pool_size`,
`workload`, `certificate_load`, `panel_load`, `dry_runs`, `planning`, `scheduling`,
`needs`, `plan_text`; and the cluster: `site`, `slurm`, `attempts`, `site_check`,
`status`.
"""
