"""The goals of the demo's sweep over bases and seeds of the loop, and its tests.

The branches are the `filters` of the runs' config: methods, of which a rise is asked,
and controls, which `majority` is to leave behind.  The thresholds below were fixed
before a sweep was started: those of a rise and of the blind judge before that of
2026-11-21, the others before a loop was run on the base models of 2026-11-27.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd
from scipy.stats import t, ttest_1samp
from statsmodels.stats.multitest import multipletests

from selfjudge.report.headlines import CONTROLS

GROUPS = ("general", "hallucination", "reasoning")
NUM_BASES, NUM_LOOPS = 3, 2
LEAST_RISE = 0.1
LEAST_MARGIN = 0.08  # of `majority` over a control, at the last iteration
MOST_WRONG_REASONS = 0.15  # of `grounded`'s right verdicts, open pairs, last iteration
MOST_BEHIND = 0.02  # of `grounded`, at the last iteration, as against `majority`
SIGNIFICANCE = 0.05  # of runs after Holm's correction for their number


def split_branches(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Of some filters those that learn from labels, and the controls."""
    known = list(dict.fromkeys(names))
    methods = [name for name in known if name not in CONTROLS]
    return methods, [name for name in known if name in CONTROLS]


def rises(scores: pd.DataFrame, protocol: str, name: str) -> pd.DataFrame:
    """How much each group rose from the first to the last iteration, a run a row."""
    rows = scores[(scores["protocol"] == protocol) & (scores["filter"] == name)]
    table = rows.pivot(
        index=["base_seed", "loop_seed"],
        columns=["group", "iteration"],
        values="accuracy",
    )
    last = rows["iteration"].max()
    return table.xs(last, axis=1, level=1) - table.xs(0, axis=1, level=1)


def margins(scores: pd.DataFrame, protocol: str, name: str) -> pd.Series:
    """By how much `majority` ends above a filter over all pairs, by run."""
    rows = scores[(scores["protocol"] == protocol) & (scores["group"] == "overall")]
    rows = rows[rows["iteration"] == rows["iteration"].max()]
    table = rows.pivot(
        index=["base_seed", "loop_seed"], columns="filter", values="accuracy"
    )
    margin: pd.Series = table["majority"] - table[name]
    return margin


def of_bases(values: pd.Series) -> dict[str, float]:
    """The mean over the loops of each base, by its name."""
    means = values.groupby("base_seed").mean().map(rounded)
    return {f"base {base}": value for base, value in means.items()}


def goals(
    scores: pd.DataFrame, truth: pd.DataFrame, num_unfinished: int
) -> Iterator[dict[str, Any]]:
    """Each goal: what it asks, of what, what was found, and whether it is reached.

    A run that is not finished may be one that failed: the first goal is missed.
    """
    methods, controls = split_branches(scores["filter"])
    runs = scores[["base_seed", "loop_seed"]].drop_duplicates()
    loops = runs.groupby("base_seed").size()
    yield {
        "goal": f"at least {NUM_BASES} base seeds with {NUM_LOOPS} loop seeds each, "
        "none unfinished",
        "of": "runs",
        "found": {f"base {base}": int(number) for base, number in loops.items()},
        "is_reached": bool(
            len(loops) >= NUM_BASES and loops.min() >= NUM_LOOPS and not num_unfinished
        ),
    }
    for protocol, name in product(("selfjudge", "greedy"), methods):
        rise = rises(scores, protocol, name)
        yield on_every_base(
            f"rise of at least {LEAST_RISE} overall",
            under(protocol, name),
            of_bases(rise["overall"]),
            lambda value: value >= LEAST_RISE,
        )
        by_group = rise[list(GROUPS)].mean().map(rounded)
        yield {
            "goal": "rise in each group, mean over runs",
            "of": under(protocol, name),
            "found": dict(by_group.items()),
            "is_reached": bool(by_group.min() > 0),
        }
    for protocol, name in product(("selfjudge", "greedy"), controls):
        yield on_every_base(
            f"majority at least {LEAST_MARGIN} above it overall at the last iteration",
            under(protocol, name),
            of_bases(margins(scores, protocol, name)),
            lambda value: value >= LEAST_MARGIN,
        )
    for name in methods:
        yield blind_goal(scores, name)
    if "grounded" in methods:
        # A base without truth drops out of no goal: it has none of the rates.
        known = dict.fromkeys((f"base {base}" for base in loops.index), None)
        yield on_every_base(
            f"of right verdicts on open pairs at most {MOST_WRONG_REASONS} with a "
            "wrong reason at the last iteration",
            "grounded",
            known | of_bases(wrong_reasons(truth)),
            lambda rate: rate <= MOST_WRONG_REASONS,
        )
        yield on_every_base(
            f"at most {MOST_BEHIND} behind majority overall at the last iteration",
            "grounded",
            of_bases(margins(scores, "selfjudge", "grounded")),
            lambda value: value <= MOST_BEHIND,
        )


def on_every_base(
    goal: str,
    of: str,
    found: Mapping[str, float | None],
    is_enough: Callable[[float], bool],
) -> dict[str, Any]:
    """A goal that each base must reach by itself; None, of which nothing is known."""
    return {
        "goal": f"{goal} on every base seed, mean over loop seeds",
        "of": of,
        "found": dict(found),
        "is_reached": all(
            value is not None and is_enough(value) for value in found.values()
        ),
    }


def wrong_reasons(truth: pd.DataFrame) -> pd.Series:
    """Of `grounded`'s right verdicts on open pairs those with a wrong reason, by run.

    Those of the last iteration, of the judge before it.
    """
    keys = ["base_seed", "loop_seed"]
    if truth.empty:
        return pd.DataFrame(columns=[*keys, "rate"]).set_index(keys)["rate"]
    rows = truth[
        (truth["filter"] == "grounded")
        & (truth["iteration"] == truth["iteration"].max())
        & (truth["measure"] == "wrong_reasons")
        & (truth["kind"] == "open")
        & truth["category"].isna()
        & truth["num_votes"].isna()
    ]
    return rows.set_index(keys)["rate"]


def under(protocol: str, name: str) -> str:
    """What a goal is of: a filter, under the protocol of training if none is named."""
    return name if protocol == "selfjudge" else f"{protocol} {name}"


def blind_goal(scores: pd.DataFrame, name: str) -> dict[str, Any]:
    """Whether a filter's judge, blind, is within noise of its start in every run.

    That is, whether no run's sign-flip test of the last iteration against the base
    model, over all pairs, is significant after Holm's correction, nor the mean rise by
    `across_bases`: many small steps the same way are no noise.  Missed where one base
    alone was run, of which that cannot be said.
    """
    last = scores["iteration"].max()
    rows = scores[
        (scores["protocol"] == "blind")
        & (scores["filter"] == name)
        & (scores["group"] == "overall")
        & (scores["iteration"] == last)
    ]
    corrected = holm(rows["p_value_base"])
    rise = rises(scores, "blind", name)["overall"].map(rounded)
    across = across_bases(rise)
    return {
        "goal": "blind judge within noise of its start: no run's test nor that of "
        f"their mean below {SIGNIFICANCE}",
        "of": under("blind", name),
        "found": {
            "least_p_value": min(corrected),
            "least_p_value_uncorrected": rounded(rows["p_value_base"].min()),
            "min_rise": rounded(rise.min()),
            "max_rise": rounded(rise.max()),
            **across,
        },
        "is_reached": across["p_value"] is not None
        and min(*corrected, across["p_value"]) >= SIGNIFICANCE,
    }


def across_bases(values: pd.Series) -> dict[str, Any]:
    """Whether the mean of some runs' values is nought, by a t-test over bases.

    Loops of a base share its weights and are no runs of their own, so the mean over
    them counts once.  Of three bases that is little: `least_shown` is the mean that
    would have had to be there, at this spread, for a p-value of `SIGNIFICANCE`.  Of one
    base both are None: it shows nothing, whatever its mean.
    """
    means = values.groupby("base_seed").mean().map(rounded)
    number, spread = len(means), means.nunique() > 1
    p_value: float | None = None
    least: float | None = None
    if spread:
        p_value = ttest_1samp(means, 0.0).pvalue
        least = t.ppf(1 - SIGNIFICANCE / 2, number - 1) * means.std() / number**0.5
    elif number > 1:  # without any spread a t-test says nothing
        p_value, least = float(not means.any()), 0.0
    return {
        "num_bases": number,
        "mean": rounded(means.mean()),
        "p_value": None if p_value is None else rounded(p_value),
        "least_shown": None if least is None else rounded(least),
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's method."""
    _, corrected, _, _ = multipletests(list(p_values), method="holm")
    return [rounded(value) for value in corrected]


def rounded(value: float) -> float:
    """A number as it stands in a file: six digits."""
    return round(float(value), 6)
