"""The records that lie on disk between two stages.

One JSON Lines file holds one kind of record: UTF-8, one flat object a line,
keys in the order of the class.
"""

from typing import Any, Literal, get_args

import msgspec

Kind = Literal["open", "closed"]
AnswerFormat = Literal["number", "expression", "choice", "yes_no", "phrase"]
Order = Literal["chosen_first", "rejected_first"]
Origin = Literal["majority_answer", "gold_answer", "alteration", "benchmark"]
Category = Literal[
    "object", "attribute", "count", "spatial", "relation", "text", "action"
]
FinishReason = Literal["stop", "length"]

ORDERS: tuple[Order, ...] = get_args(Order)
CATEGORIES: tuple[Category, ...] = get_args(Category)


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a file: immutable, every field named."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage takes from the configuration: immutable, every field named."""


class Prompt(Record, frozen=True, kw_only=True):
    """One question about one or several images.

    ``images`` are POSIX paths below the image root, ``image_sha256s`` the hex
    digests of the files in the same order.  ``answer_format`` is None for open
    prompts.  ``answer`` is the gold answer, None where nobody knows it; only
    the `correctness` filter may look at it.
    """

    id: str
    images: tuple[str, ...]
    image_sha256s: tuple[str, ...]
    question: str
    kind: Kind
    answer_format: AnswerFormat | None
    answer: str | None
    source: str


class Response(Record, frozen=True, kw_only=True):
    """One sampled answer text to a prompt; ``sample`` counts from 0.

    With the ``finish_reason`` "length" it was cut off, and says nothing.
    """

    id: str
    prompt_id: str
    sample: int
    seed: int
    text: str
    finish_reason: FinishReason


class Altered(Record, frozen=True, kw_only=True):
    """A response rewritten by the model with one injected error of ``category``.

    With the ``finish_reason`` "length" it was cut off, and is no rewrite.
    """

    id: str
    response_id: str
    prompt_id: str
    category: Category
    seed: int
    text: str
    finish_reason: FinishReason


class Check(Record, frozen=True, kw_only=True):
    """Whether the image shows what was altered, as the base model weighs it.

    Natural log-probabilities of yes and no, in either case: whether it shows what the
    response says at the changed place, and what the rewrite says there.
    """

    altered_id: str
    prompt_id: str
    response_logprobs: tuple[float, float]
    rewrite_logprobs: tuple[float, float]


class DroppedLine(msgspec.Struct, frozen=True):
    """A line of dropped records, of which the reason alone is read."""

    reason: str


class Pair(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Two responses to one prompt; ``chosen`` is held better than ``rejected``.

    ``chosen_response_id`` and ``rejected_response_id`` name the records that the
    texts are of, the rejected one of an `alteration` an altered response; None for
    a `benchmark`, whose texts are of no response of ours.
    ``category`` is the injected error of an `alteration`, the group of a
    `benchmark` row, else None.  ``num_votes`` and ``num_votes_rejected`` count
    the parsed samples that agree with each side; None outside closed pairs.
    ``criterion`` is what alone decides which response is better, in words for a
    judge; None, and no key of the line, where the better one as a whole is chosen.
    """

    id: str
    prompt_id: str
    chosen_response_id: str | None
    rejected_response_id: str | None
    images: tuple[str, ...]
    question: str
    kind: Kind
    chosen: str
    rejected: str
    origin: Origin
    category: str | None
    num_votes: int | None
    num_votes_rejected: int | None
    criterion: str | None = None


class BenchmarkRow(Record, frozen=True, kw_only=True):
    """What a release says about a pair that no judge may see; for scoring alone.

    ``row`` counts from 0 in the release, whose own ids are not unique.
    ``subset`` is the source of the row by the prefix of its id; ``split`` is its
    group, or the part of it that the official scorer prints.
    """

    pair_id: str
    row: int
    release_id: str
    subset: str
    split: str
    chosen_first: bool


class Ask(Record, frozen=True, kw_only=True):
    """What a judge is to be asked: one sample of a pair in one order.

    ``template`` is the file name of the prompt template.  The last four are a
    `Sampling`: this line says all but the texts.
    """

    pair_id: str
    order: Order
    sample: int
    seed: int
    template: str
    max_tokens: int
    temperature: float
    top_p: float
    top_k: int


class Judgment(Record, frozen=True, kw_only=True):
    """The raw text of one judgment; what it says is parsed later, for free."""

    id: str
    pair_id: str
    order: Order
    sample: int
    seed: int
    text: str
    finish_reason: FinishReason


class Accepted(Record, frozen=True, kw_only=True):
    """A training row in TRL's conversational shape, with the ids that it is of."""

    images: tuple[str, ...]
    messages: list[dict[str, Any]]
    prompt_id: str
    pair_id: str
    judgment_id: str
    order: Order


class Reinforced(Record, frozen=True, kw_only=True):
    """What a judge is asked about a pair in one order, for it to learn by reward.

    ``prompt`` is in TRL's conversational shape.  Both orders of a pair are lines of a
    file, one after the other.
    """

    images: tuple[str, ...]
    prompt: list[dict[str, Any]]
    prompt_id: str
    pair_id: str
    order: Order


class Candidate(Record, frozen=True, kw_only=True):
    """One text that members of a panel gave to a prompt, once however often.

    ``members`` wrote it, in the order of the config, each ``counts`` times;
    ``response_ids`` are of all these responses, member by member.
    """

    id: str
    prompt_id: str
    text: str
    members: tuple[str, ...]
    counts: tuple[int, ...]
    response_ids: tuple[str, ...]


class Rating(Record, frozen=True, kw_only=True):
    """The raw text in which a member rates candidates; parsed later, for free.

    ``candidate_ids`` are those that it was shown, in this order: one, two that a
    judge compares, or all of the prompt.
    """

    id: str
    candidate_ids: tuple[str, ...]
    prompt_id: str
    member: str
    seed: int
    text: str
    finish_reason: FinishReason


class Vote(Record, frozen=True, kw_only=True):
    """What the panel makes of one candidate.

    ``marks`` are one string of digits a rater, 1 to 5 in the order of the criteria (a
    dash where one that weighs nothing has no mark), and ``rewards``, 0 to 1, are their
    weighted means; both None where the rating was unparsed, or the rater was not
    asked.  A judge marks nothing: its reward is the
    share of its verdicts that the candidate won.
    """

    candidate_id: str
    prompt_id: str
    text: str
    members: tuple[str, ...]
    raters: tuple[str, ...]
    marks: tuple[str | None, ...]
    rewards: tuple[float | None, ...]


class Preference(Record, frozen=True, kw_only=True):
    """Two texts of which the panel prefers one: a row to train on, in TRL's shape.

    ``for_member`` learns from it; None: all do.  The rewards are what the ballot made
    of both, None in a draw; marks are as in `Vote`, of ``raters``.
    """

    id: str
    prompt_id: str
    for_member: str | None
    images: tuple[str, ...]
    prompt: list[dict[str, Any]]
    chosen: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    chosen_id: str
    rejected_id: str
    reward_chosen: float | None
    reward_rejected: float | None
    raters: tuple[str, ...]
    marks_chosen: tuple[str | None, ...]
    marks_rejected: tuple[str | None, ...]
