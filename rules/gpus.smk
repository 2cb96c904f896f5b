rule check_generating:
    """The base model, loaded as stages that ask it do, says ten tokens."""
    input:
        base=asked_base([]),
    output:
        temp("results/gpus/generating.txt"),
    log:
        "logs/check_gpu/generating.log",
    conda:
        GENERATING
    threads: 8
    resources:
        **MODEL_JOB,
    params:
        model=model_arguments([]),
    shell:
        "{PYTHON[generate]} {SCRIPTS:q}/check_gpu.py {params.model} "
        "--engine {ENGINE:q} > {output} 2> >(tee {log} >&2)"


rule check_training:
    """A GPU that the environment of training can use."""
    output:
        temp("results/gpus/training.txt"),
    log:
        "logs/check_gpu/training.log",
    conda:
        "../envs/train.yaml"
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=30,  # minutes
    shell:
        "{PYTHON[train]} {SCRIPTS:q}/check_gpu.py > {output} 2> >(tee {log} >&2)"


rule check_gpu:
    """Before a long run: whether jobs get a GPU, and what they can do with it."""
    input:
        rules.check_generating.output,
        rules.check_training.output,
    localrule: True
    shell:
        "cat {input}"
