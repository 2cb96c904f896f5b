"""What a judge's certificate says of its probabilities, if it has one."""

from pathlib import Path

import msgspec

from selfjudge.ground.lines import read_json

FILE = "certificate.json"


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """How a judge's probabilities are to be read.

    ``temperature`` divides differences of log-probabilities; below ``abstain_below``,
    the probability of the response that is held better, no verdict is given.
    ``source`` is the certificate that says so, None if there is none.
    """

    temperature: float = 1.0
    abstain_below: float | None = None
    source: Path | None = None

    def explain(self) -> str:
        """The same in words, one line."""
        if self.source is None:
            return (
                f"no {FILE}: probabilities are the judge's own, not calibrated, and "
                "it never abstains"
            )
        limit = "never" if self.abstain_below is None else f"below {self.abstain_below}"
        return f"{self.source}: temperature {self.temperature:g}, abstains {limit}"


def read_trust(judge: Path) -> Trust:
    """The trust in the judge of a folder: of the certificate in it, or beside it.

    Raises ValueError, naming the file, where what it says of these two is no number
    that they can be.
    """
    real = judge.resolve()
    for path in (judge / FILE, real.with_name(FILE)):
        if path.is_file():
            told = read_json(path)
            if not isinstance(told, dict):
                raise ValueError(f"{path}: must be one JSON object")
            chosen = {
                name: told[name]
                for name in ("temperature", "abstain_below")
                if told.get(name) is not None
            }
            try:
                trust = msgspec.convert({**chosen}, Trust)
            except msgspec.ValidationError as error:
                raise ValueError(f"{path}: {error}") from None
            if trust.temperature <= 0:
                raise ValueError(
                    f"{path}: 'temperature' must be above 0 (got {trust.temperature})"
                )
            return msgspec.structs.replace(trust, source=path)
    return Trust()
