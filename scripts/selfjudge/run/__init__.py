"""Run: the config, the command line, the plan.  No other room imports this one.

In: config.yaml, arguments, what is stale.  Out: checked settings, one-line errors,
what a run still costs.

Read `config`, `commands` (what scripts share), `families` (which model runs where),
then the plan: `workload`, `panel_load`, `planning`, `scheduling`, `plan_text`.
"""
