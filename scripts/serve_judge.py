"""Answer over HTTP which of two responses is better.

Reads a judge's folder, which says how it is asked, and requests of one question each;
writes nothing but answers.  The model is that of a running server (--server), or runs
in this process (--engine).  docs/use.md has both commands and a request.
"""

import sys
import tempfile
from pathlib import Path

from selfjudge.run.commands import run
from selfjudge.run.using import judge_arguments, judge_of

# Seconds for which a server that is away is tried again while a client waits.
PATIENCE = 20.0


def main() -> None:
    """Read the arguments, serve until told to stop."""
    parser = judge_arguments(__doc__, engines="transformers, openai")
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=8080, help="port to listen on")
    args = parser.parse_args()
    if args.engine.name == "vllm" and not args.server:
        raise ValueError(
            "--engine: must be transformers here (got 'vllm'). Hint: `vllm serve` is "
            "vLLM's own server, and --server names it; docs/use.md has both commands"
        )
    judge = judge_of(args, journal=None, patience=PATIENCE)
    judge.engine.start()
    import uvicorn

    from selfjudge.use.serving import make_app

    with tempfile.TemporaryDirectory(prefix="selfjudge-") as images:
        print(f"judge: {judge.engine.fingerprint}", file=sys.stderr, flush=True)
        app = make_app(judge, Path(images))
        uvicorn.run(app, host=args.host, port=args.port, log_level="warning")


if __name__ == "__main__":
    run(main)
