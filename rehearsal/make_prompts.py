"""Write many prompts about few images, for a rehearsal.

Reads the names of images and simulates no model; writes a prompts file whose
questions are all different: seven in ten are closed, as seven of the ten subsets
in config.yaml are, and most gold answers are what the simulator answers.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

OPEN = "Describe what picture {} shows."
CLOSED = {
    "number": "How many people are in picture {}?",
    "yes_no": "Is there a dog in picture {}?",
    "choice": "What stands beside the wall in picture {}?\nA. a bicycle\nB. a car",
    "phrase": "What color is the door in picture {}?",
}
CLOSED_RATE = 0.7
GOLD_RATE = 0.7  # gold answers that the commonest simulated answer hits


def make_rows(names: list[str], number: int) -> Iterator[dict[str, Any]]:
    """The prompts, each with one of the images."""
    from selfjudge.engines.simulator import commonest_answer, draw_answer

    for place in range(number):
        rng = Random(place)
        row: dict[str, Any] = {"images": [rng.choice(names)]}
        if rng.random() >= CLOSED_RATE:
            yield row | {"question": OPEN.format(place)}
            continue
        answer_format = rng.choice(list(CLOSED))
        question = CLOSED[answer_format].format(place)
        answer = commonest_answer(question, answer_format)
        if rng.random() >= GOLD_RATE:
            answer = draw_answer(rng, answer_format, question)
        yield row | {"question": question, "answer": answer}


def main() -> None:
    """Read the arguments, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scripts", type=Path, required=True, help="the package's")
    parser.add_argument("--images", type=Path, required=True, help="folder of images")
    parser.add_argument("--num-prompts", type=int, required=True)
    parser.add_argument("--prompts", type=Path, required=True, help="output")
    args = parser.parse_args()
    sys.path.insert(0, str(args.scripts))
    paths = sorted(args.images.rglob("*.png"))
    names = [path.relative_to(args.images).as_posix() for path in paths]
    with open(args.prompts, "w", encoding="utf-8") as file:
        for row in make_rows(names, args.num_prompts):
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
