"""Lets PyPI's torchvision, built for CUDA, be imported beside a CPU torch.

Python imports this by its name where it stands first in PYTHONPATH, in vLLM's child
processes too.  Processors need torchvision's image functions alone, not the two
operators that its import asks for and a CPU torch lacks.
"""

import sys
from importlib.abc import MetaPathFinder
from typing import Any


class OperatorsFirst(MetaPathFinder):
    """Declares the operators just before torchvision is looked for."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Find nothing; who comes next does."""
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            schema = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            self.library = torch.library.Library("torchvision", "DEF")
            for operator in ("nms", "qnms"):
                self.library.define(operator + schema)
            LIBRARIES.append(self.library)  # what is forgotten is undeclared


LIBRARIES: list[Any] = []
sys.meta_path.insert(0, OperatorsFirst())
