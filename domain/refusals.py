"""What a decision answers when it turns a command down.

A refusal is raised beside the rule it speaks for; each has a permanent code and the facts that
explain it. Refusals of the domain are recorded as events and remembered under the command's key;
a `Rejection` is neither, because trying the same key again may well succeed.
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """A command that was understood and turned down.

    `facts` hold JSON values only: strings, integers, booleans, null. Amounts are decimal strings.
    """

    code: ClassVar[str]
    sentence: ClassVar[str]
    recorded: ClassVar[bool] = True

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.code)
        self.facts = facts

    @property
    def detail(self) -> str:
        """The sentence for a person, with the facts filled in."""
        return self.sentence.format_map(self.facts)


class Rejection(Refusal):
    """A refusal that is answered but neither recorded nor remembered."""

    recorded = False


class Forbidden(Rejection):
    code = "forbidden"
    sentence = "None of this key's roles may {do} here; that takes {needed}."


class CorruptLog(Exception):
    """Stored data contradicts itself: a bug or tampering, never an answer to a client."""
