"""Have a model write questions about one shard of images.

Reads images in id order; writes what the model wrote, for each image and format, in
the same order.
"""

from pathlib import Path

from selfjudge.engines.stage import answer_requests
from selfjudge.ground.lines import read_records, write_records
from selfjudge.ground.requests import Samples
from selfjudge.pairs.pictures import ListedImage
from selfjudge.pairs.questions import load_asking, question_from, question_requests
from selfjudge.run.commands import engine_of, json_of, model_arguments, run


def main() -> None:
    """Read the arguments, ask, write."""
    parser = model_arguments(__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--templates", type=Path, nargs="+", required=True)
    parser.add_argument("--settings", type=json_of(Samples), required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--image-root", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True, help="seed of the run")
    args = parser.parse_args()
    templates = load_asking(args.templates)
    listed = args.shard.select(
        read_records(args.images, ListedImage), lambda image: image.id
    )
    images = {image.id: image for image in listed}
    requests = [
        request
        for image in images.values()
        for request in question_requests(
            image,
            templates,
            args.settings.num_samples,
            args.settings.sampling,
            args.image_root,
            args.seed,
        )
    ]
    (answered,) = answer_requests([requests], stage="ask_questions", **engine_of(args))
    write_records(args.output, (question_from(*pair, images) for pair in answered))


if __name__ == "__main__":
    run(main)
