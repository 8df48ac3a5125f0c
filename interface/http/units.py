"""Units: commands of a batch in the form the writer takes them, and what became of each.

A unit stands or falls as one: a command alone, a group, or an atomic batch. A command that can't be
sent (its schema, its group's size) is refused here and takes its group with it; none of them uses
its key up.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, cast

from msgspec import Struct
from msgspec.structs import replace

from application.decisions import GroupRefused
from application.outcomes import Asked, Caller, Outcome, Unanswered, Unit
from application.queue import MAX_COMMIT_COMMANDS
from domain.authorizations import Settle
from domain.commands import Command
from domain.corrections import Adjust
from domain.mandatory_settlements import SettleMandatory
from domain.refunds import Chargeback, Refund, Representment
from interface.http.lines import TOO_LONG
from interface.http.loading_batch import fast_lines, load_element
from interface.http.parsing import Element, Invalid, Malformed

GROUP_MAX_COMMANDS = MAX_COMMIT_COMMANDS
EVERYTHING = ""
"""The group of an atomic batch; no group that a client names is empty."""


class Done(Struct, frozen=True, omit_defaults=True):
    """The result of a command that was done, now or before. `position`: of its first record, or
    with `validate_only` the one at which it was judged."""

    status: str
    id: str
    position: int
    entry: str | None = None
    validate_only: bool | None = None


Result = Done | dict[str, Any]


class Unfit(Struct, frozen=True):
    """A command that can't be sent. `group` is what it named, where that could be read."""

    result: dict[str, Any]
    group: str | None = None


class Submits(Protocol):
    """A ledger's writer."""

    def submit(self, units: list[Unit]) -> list[Outcome]: ...


def load_command(raw: bytes) -> Element | Unfit:
    """Returns a command from its bytes, or why it can't be sent."""
    try:
        return load_element(raw)
    except Malformed as malformed:
        return Unfit(refused("malformed", str(malformed)))
    except Invalid as error:
        detail = "The command breaks its schema; see errors."
        return Unfit(refused("invalid_request", detail, errors=error.errors), error.group)


def load_lines(lines: Sequence[bytes]) -> Sequence[Element | Unfit]:
    """Returns the command of each line, or why it can't be sent."""
    return fast_lines(lines) or [
        Unfit(refused("too_large", "The line is too long."))
        if line is TOO_LONG
        else load_command(line)
        for line in lines
    ]


def refused(code: str, detail: str, **facts: Any) -> dict[str, Any]:
    """Returns the result of a command that was turned down."""
    return {**facts, "status": "refused", "code": code, "detail": detail}


class Chunk:
    """Commands that go to the writer together, in the order in which they were added."""

    def __init__(self, caller: Caller, *, atomic: bool) -> None:
        self._caller = caller
        self._atomic = atomic
        self._commands: list[Element | Unfit] = []
        self._groups: dict[str, list[int]] = {}
        self._any_unfit = False
        self._refused: dict[int, Result] = {}
        self._order: Sequence[int] = ()
        self.position = 0
        """Of the last record of any of the commands, once they were sent."""

    def __len__(self) -> int:
        return len(self._commands)

    def add(self, command: Element | Unfit) -> None:
        """Takes one more command."""
        group = EVERYTHING if self._atomic else command.group
        if group is not None:
            self._groups.setdefault(group, []).append(len(self._commands))
        if isinstance(command, Unfit):
            self._any_unfit = True
        self._commands.append(command)

    def add_all(self, commands: Sequence[Element]) -> None:
        """Takes more commands, each for itself. Requires a batch that is not atomic."""
        self._commands.extend(commands)

    def send(self, writer: Submits) -> list[Result]:
        """Returns the result of each command. Raises Unanswered."""
        return self.results(writer.submit(self.units()))

    def units(self) -> list[Unit]:
        """Returns what is to be sent, and refuses what can't be."""
        if self._groups or self._any_unfit:
            together = self._refuse_unfit()
            self._order = [index for unit in together for index in unit]
            return [tuple([self._asked(index) for index in unit]) for unit in together]
        caller = self._caller
        self._order = range(len(self._commands))
        elements = cast("list[Element]", self._commands)
        return [(Asked(one.command, one.key, caller),) for one in elements]

    def results(self, outcomes: Sequence[Outcome]) -> list[Result]:
        """Returns the result of each command, from what became of its units."""
        results = [self._refused.get(index) for index in range(len(self._commands))]
        for index, outcome in zip(self._order, outcomes, strict=True):
            results[index] = _result(cast(Element, self._commands[index]).command, outcome)
            position = outcome.position
            if position is not None and position > self.position:
                self.position = position
        return cast("list[Result]", results)

    def unanswered(self, failure: Unanswered) -> list[Result]:
        """Returns results that say why the commands were not sent, or not answered."""
        result: Result = refused(failure.code, failure.detail)
        return [result] * len(self._commands)

    def commands(self, places: Sequence[int]) -> list[Element]:
        """Returns the commands at some places, which were sent."""
        return [cast(Element, self._commands[place]) for place in places]

    def group_size(self, name: str) -> int:
        """Returns how many commands of a group are here."""
        return len(self._groups.get(name, ()))

    def groups(self) -> set[str]:
        """Returns the names of the groups in it."""
        return set(self._groups)

    def _asked(self, index: int) -> Asked:
        element = cast(Element, self._commands[index])
        return Asked(element.command, element.key, self._caller)

    def _refuse_unfit(self) -> list[list[int]]:
        """Refuses what can't be sent; returns the units of the rest, in order."""
        for members in self._groups.values():
            self._refuse_unfit_group(members)
        units = []
        begun = set()
        for index, command in enumerate(self._commands):
            if isinstance(command, Unfit):
                self._refused.setdefault(index, command.result)
            elif index not in self._refused:
                group = EVERYTHING if self._atomic else command.group
                if group is None:
                    units.append([index])
                elif group not in begun:
                    begun.add(group)
                    units.append(self._groups[group])
        return units

    def _elements(self, members: list[int]) -> Iterator[Element]:
        for index in members:
            command = self._commands[index]
            if isinstance(command, Element):
                yield command

    def _refuse_unfit_group(self, members: list[int]) -> None:
        if len(members) > GROUP_MAX_COMMANDS:
            detail = f"A group has up to {GROUP_MAX_COMMANDS:,} commands."
            for index in members:
                self._refused[index] = refused("too_large", detail, limit=GROUP_MAX_COMMANDS)
            return
        judged = {bool(c.command.validate_only) for c in self._elements(members)}
        if len(judged) > 1:
            detail = "A group is done or judged as one."
            errors = {"validate_only": ["The same for all commands of a group."]}
            for index in members:
                self._refused[index] = refused("invalid_request", detail, errors=errors)
            return
        unfit = [c for c in (self._commands[i] for i in members) if isinstance(c, Unfit)]
        if unfit:
            others = GroupRefused(culprit=unfit[0].result["code"])
            for index in members:
                if not isinstance(self._commands[index], Unfit):
                    self._refused[index] = refused(others.code, others.detail, **others.facts)


def _result(command: Command, outcome: Outcome) -> Result:
    if outcome.judged_at is not None:
        return _judged(command, outcome, outcome.judged_at)
    return _told(command, outcome)


def _judged(command: Command, outcome: Outcome, judged_at: int) -> Result:
    result = _told(command, outcome)
    if isinstance(result, Done):
        return replace(result, position=judged_at, validate_only=True)
    return {**result, "position": judged_at, "validate_only": True}


def _told(command: Command, outcome: Outcome) -> Result:
    stored = outcome.stored
    if outcome.code is not None:
        result = refused(outcome.code, outcome.detail, **outcome.facts)
        if stored:
            result["position"] = stored[0].position
        return result
    first = stored[0]
    show = _NOT_THE_FIRST.get(type(command))
    if show is None:
        return Done(outcome.status, first.stream, first.position)
    return show(outcome)


def _settled(outcome: Outcome) -> Done:
    entry, settled, *_ = outcome.stored
    return Done(outcome.status, settled.stream, entry.position, entry.stream)


def _adjusted(outcome: Outcome) -> Done:
    reversal, replacement, *_ = outcome.stored
    return Done(outcome.status, replacement.stream, reversal.position)


_NOT_THE_FIRST: dict[type[Command], Callable[[Outcome], Done]] = {
    Settle: _settled,
    SettleMandatory: _settled,
    Refund: _settled,
    Chargeback: _settled,
    Representment: _settled,
    Adjust: _adjusted,
}
"""Commands whose `id` is not that of the stream of their first record."""
