"""Where in a run a file lies."""

from pathlib import Path

import pytest

from selfjudge.ground.places import Located, Place, iteration_folders, locate


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("iter1/responses/1of8", Located(Place(1), "responses", "1of8")),
        ("iter1/responses", Located(Place(1), "responses", None)),
        (
            "iter1/generate_responses/1of8",
            Located(Place(1), "generate_responses", "1of8"),
        ),
        ("iter12/majority/judge", Located(Place(12, "majority"), "judge", None)),
        (
            "iter2/majority/judgments/1of8",
            Located(Place(2, "majority"), "judgments", "1of8"),
        ),
        (
            "iter0/base/vlrb/paired/judgments/1of1",
            Located(Place(0, "base", "vlrb", "paired"), "judgments", "1of1"),
        ),
        ("iter0/vlrb", Located(Place(0), "vlrb", None)),
        ("sources/mine/asked/1of8", Located(Place(0), "asked", "1of8")),
        ("sources/mine/images", None),
        ("iter1/1of8", None),
        ("iter1", None),
        ("panel/x", None),
        ("iterate/x", None),
    ],
)
def test_folders_tell_the_place(path: str, expected: Located | None) -> None:
    """Iteration, filter, benchmark and collection, then the name, then the shard."""
    assert locate(path) == expected


def test_iterations_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """As text, 10 would come before 2."""
    for name in ("iter10", "iter2", "iter0", "iterate"):
        (tmp_path / name).mkdir()
    assert [number for number, _ in iteration_folders(tmp_path)] == [0, 2, 10]
    assert [number for number, _ in iteration_folders(tmp_path, 2)] == [0, 2]
