"""How many prompt tokens an image takes, told from its size alone."""

from typing import Any

from PIL import Image

from selfjudge.engines.special_tokens import render_turns
from selfjudge.ground.templates import user_turn

PLAIN = (448, 448)  # a size that every processor takes


class ImageLengths:
    """Counts by how many tokens an image is longer than its placeholder.

    Each size is worked out once: by the processor's own function of sizes where it
    has one, else by processing a blank image.  Where a family writes text between
    image tokens a count may be off by a token or two, because that text is tokenised
    on its own here.
    """

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self.text = render_turns(processor, [user_turn(1, "?")])
        self.known: dict[tuple[int, int], int] = {}
        self.offset: int | None = None

    def count(self, size: tuple[int, int]) -> int:
        """The tokens of an image of this width and height beside its placeholder's.

        0 where the processor refuses the size.
        """
        if size not in self.known:
            try:
                self.known[size] = self._work_out(size)
            except ValueError:
                self.known[size] = 0
        return self.known[size]

    def _work_out(self, size: tuple[int, int]) -> int:
        if not hasattr(self.processor, "_get_num_multimodal_tokens"):
            return self._process_blank(size)
        if self.offset is None:
            # The function counts the image's tokens, and in some families marks.
            self.offset = self._process_blank(PLAIN) - self._ask_processor(PLAIN)
        return self._ask_processor(size) + self.offset

    def _ask_processor(self, size: tuple[int, int]) -> int:
        # Private, but what vLLM plans by; upright sizes are (height, width) there.
        found = self.processor._get_num_multimodal_tokens(image_sizes=[size[::-1]])
        return int(found["num_image_tokens"][0])

    def _process_blank(self, size: tuple[int, int]) -> int:
        image = Image.new("RGB", size)
        whole = self.processor(text=[self.text], images=[[image]])["input_ids"][0]
        return len(whole) - len(self.processor.tokenizer(self.text)["input_ids"])
