"""Fetch a model into the Hub's cache.

Reads a Hub id, and the token in HF_TOKEN where the model asks for one; writes which
commit came.  Jobs on nodes without a network then find the model in the cache
(HF_HOME on a disk that they share, HF_HUB_OFFLINE=1).
"""

from pathlib import Path

from selfjudge.engines.checkpoints import model_fingerprint, resolve_model
from selfjudge.ground.lines import write_json
from selfjudge.run.commands import arguments, run


def main() -> None:
    """Read the arguments, fetch, write."""
    parser = arguments(__doc__)
    add = parser.add_argument
    add("--model", required=True, help="a Hub id")
    add("--revision", help="commit, tag or branch")
    add("--output", type=Path, required=True, help="output: what was fetched")
    args = parser.parse_args()
    path = resolve_model(args.model, args.revision)
    fetched = {"model": args.model, "revision": args.revision}
    write_json(args.output, {**fetched, "fingerprint": model_fingerprint(path)})


if __name__ == "__main__":
    run(main)
