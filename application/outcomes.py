"""What goes into the Writer and what comes out of it."""

from typing import Any, Literal

from msgspec import Struct

from application.recorder import Row
from application.records import Channel
from domain.commands import Command

Status = Literal["done", "replayed", "refused"]


class Caller(Struct, frozen=True):
    """Who sends a command, by which key and door; `owner`: the person who answers for the actor,
    where that is a service."""

    actor: str
    key_id: str | None
    roles: frozenset[str]
    channel: Channel
    network_feed: bool = False
    owner: str | None = None


class Asked(Struct, frozen=True, gc=False):
    """One command with its idempotency key. Requires that its schema was checked."""

    command: Command
    key: str
    by: Caller


Unit = tuple[Asked, ...]
"""Commands that stand or fall together; most units have one."""


class Prepared(Struct, frozen=True, gc=False):
    """A command with what can be computed before the lock is had. `size`: bytes of its JSON."""

    asked: Asked
    command_id: str
    digest: str
    size: int
    card_number_in: str | None = None


class Outcome:
    """What became of one command.

    `stored` are the command's rows of the log, the first one first: of this commit, or
    where `replayed` of the commit that did it. Empty where nothing of the command is on record
    (a rejection). `code`, `detail`, `facts` tell of a refusal. `judged_at`: the command asked for
    a judgement only (`validate_only`), and got it at this position; `stored` is then what would
    be written, unless `replayed`. `before`: the records of a hold that came before the last one
    of `stored`, from the hold's first on; None where they are not at hand.
    """

    __slots__ = ("before", "code", "detail", "facts", "judged_at", "replayed", "stored")

    def __init__(
        self,
        stored: list[Row],
        *,
        replayed: bool = False,
        code: str | None = None,
        detail: str = "",
        facts: dict[str, Any] | None = None,
        judged_at: int | None = None,
    ) -> None:
        self.stored = stored
        self.replayed = replayed
        self.code = code
        self.detail = detail
        self.facts = facts or {}
        self.judged_at = judged_at
        self.before: tuple[bytes, ...] | None = None

    @property
    def status(self) -> Status:
        if self.code is not None:
            return "refused"
        return "replayed" if self.replayed else "done"

    @property
    def position(self) -> int | None:
        """Of the command's last record: what `min_position` should be to see it."""
        if self.judged_at is not None:
            return self.judged_at
        return self.stored[-1].position if self.stored else None


class Unanswered(Exception):
    """The Writer could not do what was asked, and nothing of it is remembered.

    `code` is one of `busy`, `unavailable`, `outcome_unknown`, `read_only`, `internal`; of lines
    whose body was cut `malformed`.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
