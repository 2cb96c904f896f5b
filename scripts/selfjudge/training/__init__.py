"""Training: from rows to a judge; beside `engines` the only room that knows a model.

In: accepted rows and the model to start from.  Out: a folder that loads like any
model, with what it was trained on beside it.

Read `sft` and `trainer` first, then `settings`, `models`, `rows`, `conversations`,
`identity`, `checkpoint`, `merging`, `resuming`, `progress`, `sharding`; for the members
of a panel `preferences` and `losses`; by reward `reinforcement`,
`reinforcement_trainer`, `rewards`, `pair_sampler`, `vllm_rollouts`.
"""
