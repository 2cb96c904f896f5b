"""List each different text that members gave to the prompts of one shard.

Reads prompts, and each member's responses in their order; writes candidates in the
same order, each with who wrote it.
"""

from pathlib import Path

from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.records import Prompt, Response
from selfjudge.ground.seeds import Shard
from selfjudge.panel.candidates import list_candidates
from selfjudge.run.commands import arguments, parse_shard, run


def main() -> None:
    """Read the arguments, list, write."""
    parser = arguments(__doc__)
    parser.add_argument("--members", nargs="+", required=True)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--responses", type=Path, nargs="+", required=True)
    parser.add_argument("--shard", type=parse_shard, default=Shard(1, 1))
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    prompts = args.shard.select(read_records(args.prompts, Prompt), lambda p: p.id)
    responses = {
        member: read_records(path, Response)
        for member, path in zip(args.members, args.responses, strict=True)
    }
    write_records(args.output, list_candidates(prompts, responses))


if __name__ == "__main__":
    run(main)
