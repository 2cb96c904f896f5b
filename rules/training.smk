TRAIN_SETTINGS = IMAGES | {
    key: value
    for key, value in config["train"].items()
    if key not in ("start_from", "gpus")
}


# Several GPUs: one process each; what they share is sharding.py's to say.
LAUNCHER = PYTHON["train"]
if config["train"]["gpus"] > 1:
    LAUNCHER += " -m torch.distributed.run --standalone"
    LAUNCHER += f" --nproc-per-node {config['train']['gpus']}"


rule train_judge:
    """Fine-tune the judge on the accepted judgments; resumes where it stopped."""
    input:
        accepted="results/iter{iteration}/{filter}/accepted.jsonl",
        judge=start_of_training,
        base=lambda wildcards: fetched_base(start_of_training(wildcards)),
    output:
        judge=directory("results/iter{iteration}/{filter}/judge"),
        version="results/iter{iteration}/{filter}/judge.json",
    log:
        "logs/iter{iteration}/{filter}/train_judge.log",
    benchmark:
        "timings/iter{iteration}/{filter}/train_judge.tsv"
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
        code=code("train_judge"),
        model=lambda wildcards: model_arguments(start_of_training(wildcards)),
        version=lambda wildcards: model_version(start_of_training(wildcards)),
        settings=settings(TRAIN_SETTINGS),
        image_root=config["image_root"],
        seed=config["seed"],
        ledger=ledger,
        work="results/iter{iteration}/{filter}/training",
    shell:
        # exec: a shell would not wait for the checkpoint that a SIGTERM asks for.
        "exec {LAUNCHER} {SCRIPTS:q}/train_judge.py {params.model} "
        "--device {DEVICE} --gpus {resources.gpu} "
        "--accepted {input.accepted} --image-root {params.image_root:q} "
        "--settings {params.settings:q} --seed {params.seed} "
        "--work {params.work} --ledger {params.ledger} --output {output.judge} "
        "--version {output.version} 2> {log}"
