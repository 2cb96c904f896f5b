# What can be said of a judge without labels, on prompts that no training has seen:
# docs/certificate.md.  Only where `certificate.share` holds some out.
from selfjudge.certificate.building import is_made
from selfjudge.certificate.variants import VARIANTS

CERTIFICATE = config["certificate"]


def certificate_path(iteration, filter_name):
    """The certificate of one judge."""
    return f"results/iter{iteration}/{filter_name}/certificate.json"


JUDGES = [(iteration, name) for iteration in ITERATIONS for name in config["filters"]]
CERTIFICATE_TARGETS += [
    *(certificate_path(*judge) for judge in JUDGES),
    "results/choice.json",
    "results/chosen_judge",
]


rule hold_out_prompts:
    """Draw the prompts to certify on from those that no training sees."""
    input:
        prompts="results/prompts.jsonl",
    output:
        "results/certificate/prompts.jsonl",
    log:
        "logs/certificate/hold_out_prompts.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=2000,
        runtime=30,  # minutes
    params:
        code=code("hold_out_prompts"),
        held_out=HELD_OUT,
        num_prompts=CERTIFICATE["num_prompts"],
        seed=config["seed"],
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/hold_out_prompts.py --prompts {input.prompts} "
        "{params.held_out} --num-prompts {params.num_prompts} --seed {params.seed} "
        "--output {output} 2> {log}"


use rule generate_responses as answer_held_out with:
    input:
        prompts="results/certificate/prompts.jsonl",
        base=asked_base([]),
    output:
        responses="results/certificate/responses/{shard}.jsonl",
        altered="results/certificate/altered/{shard}.jsonl",
    log:
        "logs/certificate/answer_held_out/{shard}.log",
    benchmark:
        "timings/certificate/answer_held_out/{shard}.tsv"


use rule build_pairs as pair_held_out with:
    input:
        prompts="results/certificate/prompts.jsonl",
        responses="results/certificate/responses.jsonl",
        altered="results/certificate/altered.jsonl",
        checks="results/certificate/checks.jsonl" if IS_CHECKED else [],
    output:
        pairs="results/certificate/pairs.jsonl",
        dropped="results/certificate/dropped_pairs.jsonl",
    log:
        "logs/certificate/pair_held_out.log",
    params:
        filter=as_json(FILTER_SPECS["majority"]),


rule alter_again:
    """Have the base model rewrite rejected responses twice more: larger errors."""
    input:
        prompts="results/certificate/prompts.jsonl",
        pairs="results/certificate/pairs.jsonl",
        base=asked_base([]),
    output:
        altered="results/certificate/altered_again/{shard}.jsonl",
    log:
        "logs/certificate/alter_again/{shard}.log",
    benchmark:
        "timings/certificate/alter_again/{shard}.tsv"
    conda:
        GENERATING
    threads: 8 * GPUS
    resources:
        **MODEL_JOB,
    params:
        **asks_model("alter_again"),
        **reads(templates=alter_templates()),
        settings=settings(config["alterations"], "sampling"),
        image_root=config["image_root"],
        seed=config["seed"],
    shell:
        ask_with("alter_again") + "--prompts {input.prompts} "
        "--pairs {input.pairs} --templates {params.templates:q} "
        "--image-root {params.image_root:q} --settings {params.settings:q} "
        "--seed {params.seed} "
        "--output {output.altered} 2> {log}"


rule merge_held_out:
    """All shards of what the base model wrote about held-out prompts."""
    input:
        lambda wildcards: expand(
            "results/certificate/{w.written}/{shard}.jsonl",
            w=[wildcards],
            shard=shards("certificate"),
        ),
    output:
        "results/certificate/{written}.jsonl",
    wildcard_constraints:
        written="responses|altered|altered_again|checks",
    localrule: True
    shell:
        "cat {input} > {output}"


rule build_variants:
    """The held-out pairs without their picture, with a longer response, and so on."""
    input:
        pairs="results/certificate/pairs.jsonl",
        altered="results/certificate/altered_again.jsonl",
    output:
        pairs=[f"results/certificate/variants/{name}.jsonl" for name in VARIANTS],
        images=directory("results/certificate/variants/images"),
        dropped="results/certificate/variants/dropped_rewrites.jsonl",
        report="results/certificate/variants/report.json",
    log:
        "logs/certificate/build_variants.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=4000,
        runtime=60,  # minutes
    params:
        **reads(wordings=[template("certificate.yaml")]),
        code=code("build_variants"),
        bounds=settings(config["pairs"]["alteration_bounds"]),
        image_root=config["image_root"],
        num_variant_pairs=CERTIFICATE["num_variant_pairs"],
        seed=config["seed"],
        folder="results/certificate/variants",
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/build_variants.py --pairs {input.pairs} "
        "--altered {input.altered} --wordings {params.wordings:q} "
        "--bounds {params.bounds:q} --image-root {params.image_root:q} "
        "--num-variant-pairs {params.num_variant_pairs} --seed {params.seed} "
        "--output {params.folder} 2> {log}"


rule measure_leak:
    """What tells chosen from rejected without the picture: words, and length."""
    input:
        prompts="results/certificate/prompts.jsonl",
        pairs="results/certificate/pairs.jsonl",
    output:
        "results/certificate/leak.json",
    log:
        "logs/certificate/measure_leak.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=4000,
        runtime=60,  # minutes
    params:
        code=code("measure_leak"),
        seed=config["seed"],
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/measure_leak.py --prompts {input.prompts} "
        "--pairs {input.pairs} --seed {params.seed} --output {output} 2> {log}"


def certificate_asking():
    """How judges are asked about held-out pairs: as in the loop, once an order."""
    draws = read_samples(config["judgments"] | {"num_samples": 1})
    return as_json(asking_of("paired", draws))


use rule ask_judge as ask_held_out with:
    input:
        pairs="results/certificate/pairs.jsonl",
    output:
        "results/certificate/asks{added}.jsonl",
    log:
        "logs/certificate/ask_held_out{added}.log",
    wildcard_constraints:
        added=r"\d",
    localrule: True  # it is not inherited
    params:
        asking=certificate_asking(),
        seed=lambda wildcards: config["seed"] + int(wildcards.added),


def certificate_ledger(wildcards):
    """The ledger of a judge's judgments of all variants."""
    place = f"iter{wildcards.iteration}/{wildcards.filter}/certificate"
    return f"results/ledgers/{place}/{wildcards.shard}.jsonl"


def variant_parts(wildcards, input, output):
    """The command-line arguments that name each variant's files."""
    made, own = "results/certificate/variants/images", IMAGE_ROOT
    return " ".join(
        f"--part results/certificate/asks{variant.seed}.jsonl {pairs} "
        f"{made if is_made(variant) else own} {judgments}"
        for variant, pairs, judgments in zip(
            VARIANTS.values(), input.pairs, output.judgments
        )
    )


rule judge_variants:
    """Have a judge answer one shard of the held-out pairs and all their variants."""
    input:
        asks=["results/certificate/asks0.jsonl", "results/certificate/asks1.jsonl"],
        pairs=[f"results/certificate/variants/{name}.jsonl" for name in VARIANTS],
        # The pairs name images by content: the folder's time says nothing.
        images=ancient("results/certificate/variants/images"),
        judge=scored_judge,
        base=lambda wildcards: asked_base(scored_judge(wildcards)),
    output:
        judgments=[
            f"results/iter{{iteration}}/{{filter}}/certificate/{name}/{{shard}}.jsonl"
            for name in VARIANTS
        ],
        weighed="results/iter{iteration}/{filter}/certificate/weighed/{shard}.jsonl",
    log:
        "logs/iter{iteration}/{filter}/judge_variants/{shard}.log",
    benchmark:
        "timings/iter{iteration}/{filter}/judge_variants/{shard}.tsv"
    wildcard_constraints:
        **BASE_OR_TRAINED,
    conda:
        GENERATING
    threads: 8 * GPUS
    resources:
        **MODEL_JOB,
    params:
        **asks_model("judge_variants", scored_judge, certificate_ledger),
        **reads(templates=[template("judge.txt")]),
        parts=variant_parts,
    shell:
        ask_with("judge_variants") + "--templates {params.templates:q} "
        "{params.parts} --weighed {output.weighed} 2> {log}"


def certificate_files(wildcards):
    """All shards of a judge's judgments of every variant, and of how it weighs them."""
    return expand(
        "results/iter{w.iteration}/{w.filter}/certificate/{name}/{shard}.jsonl",
        w=[wildcards],
        name=[*VARIANTS, "weighed"],
        shard=shards("certificate"),
    )


def certificate_of_base(wildcards):
    """The certificate of the base model, beside which a judge's stands."""
    return [] if wildcards.iteration == "0" else certificate_path(0, "base")


rule certify_judge:
    """What can be said of a judge without labels, each figure with its interval."""
    input:
        prompts="results/certificate/prompts.jsonl",
        pairs=[f"results/certificate/variants/{name}.jsonl" for name in VARIANTS],
        leak="results/certificate/leak.json",
        judged=certificate_files,
        base=certificate_of_base,
    output:
        certificate_path("{iteration}", "{filter}"),
    log:
        "logs/iter{iteration}/{filter}/certify_judge.log",
    wildcard_constraints:
        **BASE_OR_TRAINED,
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=4000,
        runtime=60,  # minutes
    params:
        code=code("certify_judge"),
        seed=config["seed"],
        shards=shards("certificate"),
        judged="results/iter{iteration}/{filter}/certificate",
        sampling_temperature=config["judgments"]["sampling"]["temperature"],
        base=lambda wildcards, input: f"--base {input.base}" if input.base else "",
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/certify_judge.py "
        "--iteration {wildcards.iteration} --filter {wildcards.filter} "
        "--prompts {input.prompts} --pairs results/certificate/variants --leak {input.leak} "
        "--judged {params.judged} --shards {params.shards} {params.base} "
        "--seed {params.seed} --sampling-temperature {params.sampling_temperature} "
        "--output {output} 2> {log}"


rule choose_judge:
    """Which judge to use, by certificates alone, and what one more would have to bring."""
    input:
        base=certificate_path(0, "base"),
        certificates=[certificate_path(*judge) for judge in JUDGES],
    output:
        "results/choice.json",
    log:
        "logs/choose_judge.log",
    # Light, and many on a cluster: here, not on a node.
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("choose_judge"),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/choose_judge.py --base {input.base} "
        "--certificates {input.certificates} --output {output} 2> {log}"


rule take_judge:
    """The judge that was chosen, as a folder to use, with its certificate."""
    input:
        choice="results/choice.json",
        judges=[file for judge in JUDGES for file in trained_judge(*judge)],
        certificates=[certificate_path(*judge) for judge in JUDGES],
    output:
        directory("results/chosen_judge"),
    log:
        "logs/take_judge.log",
    localrule: True
    conda:
        "../envs/decide.yaml"
    params:
        code=code("take_judge"),
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/take_judge.py --choice {input.choice} "
        "--results results --output {output} 2> {log}"
