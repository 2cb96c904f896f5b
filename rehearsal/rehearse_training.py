"""Stand in for a training: read and check its rows, train nothing.

Reads accepted rows and their images; writes a folder that only the simulator
takes for a judge, since it holds no weights, and the file that tells its version.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path


def main() -> None:
    """Read the arguments, check, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scripts", type=Path, required=True, help="the package's")
    add("--accepted", type=Path, required=True, help="accepted rows, JSON Lines")
    add("--image-root", type=Path, required=True, help="folder the images lie below")
    add("--output", type=Path, required=True, help="folder of the judge")
    add("--version", type=Path, required=True, help="output: what the judge is")
    args = parser.parse_args()
    sys.path.insert(0, str(args.scripts))
    from selfjudge.training.rows import read_rows

    rows = read_rows(args.accepted)
    missing = {name for row in rows for name in row.images}
    missing = {name for name in missing if not (args.image_root / name).is_file()}
    assert not missing, f"{len(missing)} images are not there: {min(missing)}"
    digest = hashlib.sha256(args.accepted.read_bytes()).hexdigest()
    config = {
        "model_type": "simulated",
        "note": "No judge: a rehearsal read the rows and trained nothing.",
        "num_rows": len(rows),
        "accepted_sha256": digest,
    }
    args.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(config, indent=2) + "\n"
    (args.output / "config.json").write_text(text, encoding="utf-8")
    version = json.dumps({"fingerprint": f"simulated-{digest[:16]}"}) + "\n"
    args.version.write_text(version, encoding="utf-8")


if __name__ == "__main__":
    main()
