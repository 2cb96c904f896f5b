"""Shares of 0 to 1 as they stand in files: six digits, None of nothing."""


def round_share(share: float | None) -> float | None:
    """A share, a difference of two or a p-value with six digits."""
    return None if share is None else round(share, 6)


def share_of(part: int, whole: int) -> float | None:
    """The share that a part is of a whole; None of nothing."""
    return round_share(part / whole if whole else None)
