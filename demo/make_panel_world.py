"""Write the tiny panel's world: prompts to learn from, and questions to be asked.

Writes below --out: images/, prompts.jsonl (what the workflow imports; answers are for
the ballot `gold` and the audit alone), and skills.jsonl (other scenes; `source` is the
skill).  The same options give the same bytes.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from make_world import encode_png, write_bytes
from panel_lessons import SKILL_OF, draw_question
from world import render, sample_scene


def draw_rows(
    name: str, seed: int, number: int
) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Rows without `images`, and their pictures; a longer run starts the same."""
    for place in range(number):
        rng = Random(f"panel/{name}/{seed}/{place}")
        scene = sample_scene(rng)
        question = draw_question(scene, rng)
        row = {
            "question": question.text,
            "answer": question.answer,
            "source": SKILL_OF[question.family],
            "kind": "closed",
            "answer_format": question.answer_format,
        }
        yield row, encode_png(render(scene, rng))


def write_rows(out: Path, name: str, seed: int, number: int) -> None:
    """Write one file of rows, and its images."""
    lines = []
    for row, data in draw_rows(name, seed, number):
        digest = hashlib.sha256(data).hexdigest()[:16]
        image = f"{digest[:2]}/{digest}.png"
        write_bytes(out / "images" / image, data)
        lines.append(json.dumps({"images": [image], **row}) + "\n")
    write_bytes(out / f"{name}.jsonl", "".join(lines).encode())


def main() -> None:
    """Write all files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--num-prompts", type=int, required=True)
    parser.add_argument("--num-skills", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    write_rows(options.out, "prompts", options.seed, options.num_prompts)
    write_rows(options.out, "skills", options.seed, options.num_skills)


if __name__ == "__main__":
    main()
