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
        TRAINING
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


rule check_node:
    """A GPU that the environment of training can use, on one node."""
    output:
        temp("results/gpus/nodes/{node}.txt"),
    log:
        "logs/check_gpu/nodes/{node}.log",
    retries: 0
    conda:
        TRAINING
    resources:
        nodelist=lambda wildcards: wildcards.node,
        gpu=1,
        mem_mb=16000,
        runtime=30,  # minutes
    shell:
        "{PYTHON[train]} {SCRIPTS:q}/check_gpu.py > {output} 2> >(tee {log} >&2)"


def check_of_each_node(wildcards):
    """The checks of all nodes of the partition of GPU jobs."""
    partition = read_site(SITE).gpu_partition
    nodes = cluster.partition_nodes(partition or "")
    return expand("results/gpus/nodes/{node}.txt", node=nodes)


rule check_nodes:
    """Which nodes of the partition give a job a GPU that it can use."""
    input:
        check_of_each_node,
    localrule: True
    shell:
        "tail -n +1 {input}"
