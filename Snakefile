# selfjudge: prompts become pairs, pairs judgments, judgments a better judge.
#
#   snakemake --profile slurm -j 8 results/iter4/vlrb.json
#
# A project is a directory: `snakemake --directory myproject ...` lays its
# config.yaml over this repository's, and includes its project.smk if it has one.
import logging
import re
import subprocess
import sys
import time
from pathlib import Path

from snakemake.utils import min_version

# Before anything that an older one has not.
min_version("9.27")

from snakemake.exceptions import WorkflowError
from snakemake.logging import DefaultFormatter, logger

sys.path.insert(0, str(Path(workflow.basedir, "scripts")))

from selfjudge.run.config import LAID_OVER, OWN, check_yaml
from selfjudge.run.disk import check_writable

STARTED = time.time()

# What a failed stage says belongs on the terminal, whatever the profile.
for handler in logger.handlers:
    if isinstance(handler.formatter, DefaultFormatter):
        handler.formatter.show_failed_logs = True


configfile: str(Path(workflow.basedir, "config.yaml"))


if not Path("config.yaml").is_file():
    raise WorkflowError(
        f"{Path.cwd()}: a project directory must hold a config.yaml (got none). "
        "Hint: an empty one takes every default of the repository's."
    )


try:
    has_keys = check_yaml(Path("config.yaml"))
    for path in workflow.overwrite_configfiles:
        if path.is_file():  # no pipe, which Snakemake has read to its end
            check_yaml(path)
    # Nor where nothing is run, but room is made or a lock taken away.
    if not workflow.dryrun and not {*sys.argv} & {"--unlock", "--delete-temp-output"}:
        check_writable(Path())
except ValueError as error:
    # Where there is no room, Snakemake's own log has none, and would say so at length.
    logging.raiseExceptions = False
    raise WorkflowError(str(error))


# Snakemake takes no file without a key.
if has_keys and not Path("config.yaml").samefile(Path(workflow.basedir, "config.yaml")):

    configfile: "config.yaml"


# Where faults of the config are to be looked for.
CONFIG_PLACE = LAID_OVER if workflow.config_settings.overwrite_config else OWN


include: "rules/common.smk"
include: "rules/slurm.smk"


wildcard_constraints:
    iteration="|".join(map(str, ITERATIONS)),
    filter="|".join(FILTERS),
    benchmark="|".join(BENCHMARKS),
    collection="|".join(OWN_PROTOCOL),
    protocol="|".join(PROTOCOL_NAMES),
    shard=r"\d+of\d+",
    source=r"[A-Za-z0-9_]+",


include: "rules/models.smk"
include: "rules/prompts.smk"


if sources_of("images"):

    include: "rules/questions.smk"


include: "rules/pairs.smk"


if IS_CHECKED:

    include: "rules/checks.smk"


include: "rules/judgments.smk"
include: "rules/training.smk"
include: "rules/gpus.smk"


if config["panel"]["members"]:

    include: "rules/panel.smk"


include: "rules/plan.smk"
include: "rules/probe.smk"


if Path("project.smk").is_file():

    include: str(Path("project.smk").resolve())


# After a project's own rules: these may make a benchmark.
if BENCHMARKS:

    include: "rules/benchmarks.smk"
    include: "rules/scores.smk"


if config["certificate"]["share"]:

    include: "rules/certificate.smk"


include: "rules/report.smk"


# What a person asked for and no rule makes is told of with what there is.  Snakemake
# knows its targets only later, so that a word may also be the value of an option.
OF_OTHER_FILES = ("--report", "--cleanup-metadata", "--archive")
is_asked = not any(word.startswith(OF_OTHER_FILES) for word in sys.argv)
for word in sys.argv[1:] if is_asked else []:
    is_result = re.match(r"results/(panel/)?iter\d+/", word)
    if is_result and not Path(word).exists():
        if not any(rule.is_producer(os.path.normpath(word)) for rule in workflow.rules):
            raise WorkflowError(tell_targets(word))


rule all:
    """All configured benchmarks of all iterations, the report, a project's own files."""
    default_target: True
    input:
        list_comparisons(EXPECTED),
        "results/plots/index.json",
        "results/report.html",
        PROJECT_TARGETS,
        PANEL_TARGETS,
        CERTIFICATE_TARGETS,


rule judges:
    """The judges, with what needs no benchmark: their certificates, and which to use."""
    input:
        CERTIFICATE_TARGETS,
        [trained_judge(ITERATIONS[-1], name) for name in config["filters"]],


rule judge:
    """The last judge of the first filter, with the reports on its way: `make judge`."""
    input:
        trained_judge(ITERATIONS[-1], config["filters"][0]),
        expand(
            "results/iter{iteration}/{filter}/{report}.json",
            iteration=ITERATIONS,
            filter=config["filters"][0],
            report=["pairs_report", "filter_report"],
        ),


onsuccess:
    # The result, where this run has made or renewed the main benchmark's scores.
    found = [
        path
        for target in EXPECTED.targets[:1]
        for path in Path("results").glob(f"iter*/{target}.json")
    ]
    if any(path.stat().st_mtime >= STARTED for path in found):
        command = [sys.executable, here("scripts/show_scores.py"), Path.cwd()]
        told = subprocess.run(command, capture_output=True, text=True)
        logger.info(told.stdout.strip(), extra={"to_people": True})
