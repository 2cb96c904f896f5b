TRAIN_SETTINGS = training_settings(config)
REWARD_SETTINGS = reinforcement_settings(config)
# Shell texts name these: how often a training saves and tells makes nothing stale.
AS_TRAINED = settings(TRAIN_SETTINGS)
AS_REWARDED = settings(REWARD_SETTINGS)


# Several GPUs: one process each; what they share is sharding.py's to say.
LAUNCHER = PYTHON["train"]
if config["train"]["gpus"] > 1:
    LAUNCHER += " -m torch.distributed.run --standalone"
    LAUNCHER += f" --nproc-per-node {config['train']['gpus']}"


IMITATING = [
    name for name, spec in FILTER_SPECS.items() if spec.learns_by == "imitation"
]
REWARDED = [name for name, spec in FILTER_SPECS.items() if spec.learns_by == "reward"]

# How the judge is asked; it is carried in what is trained, which is asked alike.
ASKING = as_json(asking_of("paired", read_samples(config["judgments"])))


def uncut_judge(wildcards):
    """The judge of the filter that a cut one is where nothing is cut; else none."""
    uncut = find_uncut(wildcards.filter)
    if uncut not in config["filters"]:
        return []
    return ancient(trained_judge(wildcards.iteration, uncut))


rule train_judge:
    """Fine-tune the judge on the accepted judgments; resumes where it stopped."""
    input:
        accepted="results/iter{iteration}/{filter}/accepted.jsonl",
        judge=start_of_training,
        base=lambda wildcards: fetched_base(start_of_training(wildcards)),
        # Of its rows the judge follows, whoever trains it: its time says nothing.
        uncut=uncut_judge,
    output:
        judge=directory("results/iter{iteration}/{filter}/judge"),
        version="results/iter{iteration}/{filter}/judge.json",
    log:
        "logs/iter{iteration}/{filter}/train_judge.log",
    benchmark:
        "timings/iter{iteration}/{filter}/train_judge.tsv"
    wildcard_constraints:
        filter="|".join(IMITATING),
    conda:
        "../envs/train.yaml"
    # Each process feeds its GPU by some of its own.
    threads: 8 * config["train"]["gpus"]
    resources:
        gpu=config["train"]["gpus"],
        # Each process reads the whole model into memory before it goes to its GPU.
        mem_mb=64000 * (1 + config["train"]["gpus"]),
        runtime=720,  # minutes
    params:
        **reads(template=[template("judge.txt")]),
        code=code("train_judge"),
        model=lambda wildcards: model_arguments(start_of_training(wildcards)),
        version=lambda wildcards: model_version(start_of_training(wildcards)),
        settings=settings(decisive(TRAIN_SETTINGS)),
        asking=ASKING,
        image_root=config["image_root"],
        seed=config["seed"],
        ledger=ledger,
        uncut=lambda wildcards, input: (
            f"--uncut {input.uncut[0]}" if input.uncut else ""
        ),
        work="results/iter{iteration}/{filter}/training",
    shell:
        # exec: a shell would not wait for the checkpoint that a SIGTERM asks for.
        "exec {LAUNCHER} {SCRIPTS:q}/train_judge.py {params.model} "
        "--device {DEVICE} --gpus {resources.gpu} "
        "--template {params.template:q} --asking {params.asking:q} "
        "--accepted {input.accepted} {params.uncut} --image-root {params.image_root:q} "
        "--settings {AS_TRAINED:q} --seed {params.seed} --code {params.code} "
        "--work {params.work} --ledger {params.ledger} --output {output.judge} "
        "--version {output.version} 2> {log}"


rule pick_reinforcement:
    """Pick the pairs that the judge before gets right sometimes; drop with a reason."""
    input:
        pairs="results/iter{iteration}/{filter}/pairs.jsonl",
        judgments="results/iter{iteration}/{filter}/judgments.jsonl",
    output:
        picked="results/iter{iteration}/{filter}/reinforce.jsonl",
        dropped="results/iter{iteration}/{filter}/dropped_reinforce.jsonl",
    log:
        "logs/iter{iteration}/{filter}/pick_reinforcement.log",
    wildcard_constraints:
        filter="|".join(REWARDED),
    # Light, and many on a cluster: here, not on a node.
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        **reads(template=[template("judge.txt")]),
        code=code("pick_reinforcement"),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/pick_reinforcement.py --pairs {input.pairs} "
        "--judgments {input.judgments} --template {params.template:q} {MIN_ROWS} "
        "--picked {output.picked} --dropped {output.dropped} 2> {log}"


ROLLOUTS = settings(
    config["reinforce"],
    *("pairs_per_step", "num_rollouts", "parsed_reward", "sampling"),
)
# Who writes rollouts is a reason to train anew; how much memory it has is none.
VLLM_MEMORY = ""
if config["reinforce"]["vllm_gpu_memory_utilization"]:
    VLLM_MEMORY = f"--vllm-memory {config['reinforce']['vllm_gpu_memory_utilization']}"
# The environment that holds all that a training may need.
TRAINING = "../envs/reinforce.yaml" if VLLM_MEMORY else "../envs/train.yaml"


def start_of_reinforcement(wildcards):
    """The judge that training by reward starts from; none if it is the base model."""
    start = config["reinforce"]["start_from"]
    if start == "imitated":
        return trained_judge(wildcards.iteration, "majority")
    return [] if start == "base" else previous_judge(wildcards)


rule reinforce_judge:
    """Train the judge by reward on the pairs picked; resumes where it stopped."""
    input:
        picked="results/iter{iteration}/{filter}/reinforce.jsonl",
        judge=start_of_reinforcement,
        base=lambda wildcards: fetched_base(start_of_reinforcement(wildcards)),
    output:
        judge=directory("results/iter{iteration}/{filter}/judge"),
        version="results/iter{iteration}/{filter}/judge.json",
    log:
        "logs/iter{iteration}/{filter}/reinforce_judge.log",
    benchmark:
        "timings/iter{iteration}/{filter}/reinforce_judge.tsv"
    wildcard_constraints:
        filter="|".join(REWARDED),
    conda:
        TRAINING
    threads: 8
    resources:
        gpu=1,
        mem_mb=128000,
        runtime=720,  # minutes
    params:
        **reads(template=[template("judge.txt")]),
        code=code(
            "reinforce_judge",
            *(["selfjudge.training.vllm_rollouts"] if VLLM_MEMORY else []),
        ),
        model=lambda wildcards: model_arguments(start_of_reinforcement(wildcards)),
        version=lambda wildcards: model_version(start_of_reinforcement(wildcards)),
        settings=settings(decisive(REWARD_SETTINGS)),
        rollouts=ROLLOUTS,
        by_vllm=bool(VLLM_MEMORY),
        asking=ASKING,
        image_root=config["image_root"],
        seed=config["seed"],
        ledger=ledger,
        work="results/iter{iteration}/{filter}/training",
    shell:
        # exec: a shell would not wait for the checkpoint that a SIGTERM asks for.
        "exec {PYTHON[train]} {SCRIPTS:q}/reinforce_judge.py {params.model} "
        "--device {DEVICE} --gpus {resources.gpu} "
        "--template {params.template:q} --asking {params.asking:q} "
        "--picked {input.picked} --image-root {params.image_root:q} "
        "--settings {AS_REWARDED:q} --rollouts {params.rollouts:q} {VLLM_MEMORY} "
        "--seed {params.seed} --code {params.code} --work {params.work} "
        "--ledger {params.ledger} --output {output.judge} "
        "--version {output.version} 2> {log}"
