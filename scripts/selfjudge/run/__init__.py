"""Run: the config, the command line, the probe, the plan.  Nobody imports it.

In: config.yaml, arguments, what is stale.  Out: checked settings, one-line errors,
what a few prompts come to, what a run still costs.

Read `config`, `shards`, `commands`, `training_jobs`, `projects`, `using` (what scripts
share), `families` (which model runs where), then the probe: `probing`, `probe_report`,
`probe_text`; then the plan: `workload`, `panel_load`, `planning`, `scheduling`,
`plan_text`.
"""
