"""Ask a model what iteration 1 will ask it, about a few prompts, in one job.

Reads the prompts of iteration 1, their images and all templates; writes below the
output folder the prompts that were drawn, responses, altered responses, checks of these
if they are asked for, pairs, dropped pairs, judgments, and a prompt of each kind as the
model reads it.  The answers stand in the journal: iteration 1 does not ask them again.
"""

from pathlib import Path

from selfjudge.engines.stage import Model
from selfjudge.ground.lines import read_records
from selfjudge.ground.records import Prompt
from selfjudge.ground.templates import load_template
from selfjudge.judging.asks import JUDGE_FIELDS
from selfjudge.pairs.checks import load_check_template
from selfjudge.pairs.responses import load_templates
from selfjudge.run.commands import json_of, model_arguments, model_of, run
from selfjudge.run.probing import Probe, Recipe, Templates, choose_probed


def main() -> None:
    """Read the arguments, ask, write."""
    parser = model_arguments(__doc__)
    add = parser.add_argument
    add("--prompts", type=Path, required=True)
    add("--num-prompts", type=int, required=True)
    add(
        "--templates",
        type=Path,
        nargs=3,
        required=True,
        metavar=("OPEN", "CLOSED", "JUDGE"),
    )
    add("--alter-templates", type=Path, nargs="+", required=True)
    add("--check-template", type=Path, help="where rewrites are checked")
    add("--recipe", type=json_of(Recipe), required=True, help="what is asked, as JSON")
    add("--image-root", type=Path, required=True)
    add("--seed", type=int, required=True, help="seed of the run")
    add("--output", type=Path, required=True, help="folder")
    args = parser.parse_args()
    opened, closed, judge = args.templates
    templates = Templates(
        load_template(opened, "question"),
        load_template(closed, "question"),
        load_templates(args.alter_templates, "question", "response"),
        load_template(judge, *JUDGE_FIELDS),
        load_check_template(args.check_template) if args.check_template else None,
    )
    probe = Probe(
        Model(**model_of(args)),
        args.recipe,
        templates,
        image_root=args.image_root,
        run_seed=args.seed,
        folder=args.output,
        ledgers=args.ledger,
    )
    prompts = read_records(args.prompts, Prompt)
    probe.run(choose_probed(prompts, args.num_prompts, args.seed))


if __name__ == "__main__":
    run(main)
