# Questions about folders of images that come without any: included only where
# `prompts.sources` has one of kind images.
SOURCE = "results/sources/{source}"
# What of `questions` decides which are kept.
KEEPING = settings(config["questions"], "fixed", "per_image")
# Answers are drawn as responses are, so that these find them in the journal.
ANSWERS = json.dumps(
    {
        "num_samples": config["questions"]["num_answers"],
        "sampling": config["responses"]["sampling"],
    },
    sort_keys=True,
)


def folder_path(wildcards):
    """The folder of a source of images."""
    return sources_of("images")[wildcards.source]["path"]


def of_shards(name):
    """An input function: all shards of what a stage wrote about a folder."""
    return lambda wildcards: expand(
        f"{SOURCE}/{name}/{{shard}}.jsonl",
        source=wildcards.source,
        shard=shards("questions"),
    )


rule list_images:
    """The images of a folder that can be asked about; the other files with reasons."""
    output:
        images=f"{SOURCE}/images.jsonl",
        dropped=f"{SOURCE}/dropped_images.jsonl",
    log:
        "logs/list_images/{source}.log",
    conda:
        "../envs/decide.yaml"
    threads: 4
    resources:
        mem_mb=2000,
        runtime=60,  # minutes
    params:
        code=code("list_images"),
        folder=folder_path,
        version=lambda wildcards: image_version(folder_path(wildcards)),
        image_root=config["image_root"],
        max_pixels=config["prompts"]["limits"]["max_pixels"],
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/list_images.py --folder {params.folder:q} "
        "--image-root {params.image_root:q} --max-pixels {params.max_pixels} "
        "--threads {threads} --images {output.images} "
        "--dropped {output.dropped} 2> {log}"


rule ask_questions:
    """Have the base model write questions about one shard of a folder's images."""
    input:
        images=f"{SOURCE}/images.jsonl",
        base=asked_base([]),
    output:
        asked=f"{SOURCE}/asked/{{shard}}.jsonl",
    log:
        "logs/ask_questions/{source}/{shard}.log",
    benchmark:
        "timings/sources/{source}/ask_questions/{shard}.tsv"
    conda:
        GENERATING
    threads: 8 * GPUS
    resources:
        **MODEL_JOB,
    params:
        **asks_model("ask_questions"),
        **reads(
            templates=[
                template(os.path.join("ask", f"{name}.txt"))
                for name in config["questions"]["formats"]
            ]
        ),
        settings=settings(config["questions"], "num_samples", "sampling"),
        image_root=config["image_root"],
        seed=config["seed"],
    shell:
        ask_with("ask_questions") + "--images {input.images} "
        "--templates {params.templates:q} --settings {params.settings:q} "
        "--image-root {params.image_root:q} --seed {params.seed} "
        "--output {output.asked} 2> {log}"


rule read_questions:
    """Read what the model wrote as questions, route them, set aside what is none."""
    input:
        images=f"{SOURCE}/images.jsonl",
        asked=of_shards("asked"),
    output:
        prompts=f"{SOURCE}/prompts.jsonl",
        blind=f"{SOURCE}/blind_prompts.jsonl",
        grey=directory(f"{SOURCE}/grey"),
        dropped=f"{SOURCE}/unread_questions.jsonl",
    log:
        "logs/read_questions/{source}.log",
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=4000,
        runtime=30,  # minutes
    params:
        code=code("read_questions"),
        settings=KEEPING,
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/read_questions.py --images {input.images} "
        "--asked {input.asked} --source {wildcards.source} "
        "--settings {params.settings:q} --prompts {output.prompts} "
        "--blind {output.blind} --grey {output.grey} "
        "--dropped {output.dropped} 2> {log}"


rule answer_questions:
    """Sample responses to one shard of closed questions, with the image and without."""
    input:
        prompts=f"{SOURCE}/prompts.jsonl",
        blind=f"{SOURCE}/blind_prompts.jsonl",
        grey=ancient(f"{SOURCE}/grey"),
        base=asked_base([]),
    output:
        seen=f"{SOURCE}/seen/{{shard}}.jsonl",
        blind=f"{SOURCE}/blind/{{shard}}.jsonl",
    log:
        "logs/answer_questions/{source}/{shard}.log",
    benchmark:
        "timings/sources/{source}/answer_questions/{shard}.tsv"
    conda:
        GENERATING
    threads: 8 * GPUS
    resources:
        **MODEL_JOB,
    params:
        **asks_model("answer_questions"),
        **reads(template=[template("respond_closed.txt")]),
        settings=ANSWERS,
        image_root=config["image_root"],
        seed=config["seed"],
    shell:
        ask_with("answer_questions") + "--prompts {input.prompts} {input.blind} "
        "--template {params.template:q} --settings {params.settings:q} "
        "--image-roots {params.image_root:q} {input.grey} --seed {params.seed} "
        "--outputs {output.seen} {output.blind} 2> {log}"


rule choose_questions:
    """Keep the questions that are about their images, balanced over the formats."""
    input:
        images=f"{SOURCE}/images.jsonl",
        dropped_images=f"{SOURCE}/dropped_images.jsonl",
        prompts=f"{SOURCE}/prompts.jsonl",
        unread=f"{SOURCE}/unread_questions.jsonl",
        seen=of_shards("seen"),
        blind=of_shards("blind"),
    output:
        rows="results/sources/{source}.jsonl",
        dropped=f"{SOURCE}/dropped_questions.jsonl",
        report=f"{SOURCE}/questions_report.json",
    log:
        "logs/choose_questions/{source}.log",
    wildcard_constraints:
        source="|".join(sources_of("images")),
    conda:
        "../envs/decide.yaml"
    resources:
        mem_mb=4000,
        runtime=60,  # minutes
    params:
        code=code("choose_questions"),
        settings=KEEPING,
    shell:
        "{PYTHON[decide]} {SCRIPTS:q}/choose_questions.py --images {input.images} "
        "--dropped-images {input.dropped_images} --prompts {input.prompts} "
        "--unread {input.unread} --seen {input.seen} --blind {input.blind} "
        "--settings {params.settings:q} --rows {output.rows} "
        "--dropped {output.dropped} --report {output.report} 2> {log}"
