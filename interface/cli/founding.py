"""What must stand before a file's commands: assets, journals and accounts, made from bodies."""

from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec

from application.outcomes import Asked, Caller
from application.queue import MAX_COMMIT_COMMANDS
from interface.cli.invalid import sentences
from interface.http.loading import Loader
from interface.http.parsing import Invalid
from interface.http.schemas import OpenAccountBody, OpenJournalBody, RegisterAssetBody
from interface.http.schemas_baselines import SetBaselineBody
from interface.http.schemas_rates import RecordRateBody
from interface.http.units import Submits
from interface.importing.lines import Setup

LOADERS = {
    "asset": Loader(RegisterAssetBody),
    "journal": Loader(OpenJournalBody),
    "account": Loader(OpenAccountBody),
    "baseline": Loader(SetBaselineBody),
    "rate": Loader(RecordRateBody),
}

Refuse = Callable[[Setup, str, str], None]
"""Hears of what could not be made: (what, code, detail)."""

_encode = msgspec.json.Encoder().encode


def make(writer: Submits, setup: Sequence[Setup], *, caller: Caller, refuse: Refuse) -> list[Setup]:
    """Makes what is missing, in order, and returns it. Done before counts as made.

    A key follows from the body: the same thing is made once, however often this is called.
    Raises Unanswered.
    """
    made: list[Setup] = []
    for start in range(0, len(setup), MAX_COMMIT_COMMANDS):
        asked: list[tuple[Setup, Asked]] = []
        for one in setup[start : start + MAX_COMMIT_COMMANDS]:
            kind, body = one
            raw = _encode(body)
            try:
                command = LOADERS[kind].load(raw)
            except Invalid as error:
                refuse(one, "invalid_request", "; ".join(sentences(error.errors)))
                continue
            key = f"{kind}:{body.get('code', '')}:{sha256(raw).hexdigest()[:16]}"
            asked.append((one, Asked(command, key, caller)))
        outcomes = writer.submit([(each,) for _, each in asked])
        for (one, _), outcome in zip(asked, outcomes, strict=True):
            if outcome.code is None:
                made.append(one)
            else:
                refuse(one, outcome.code, outcome.detail)
    return made
