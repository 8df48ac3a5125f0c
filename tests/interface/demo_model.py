"""A naive model of what the demonstration's commands do: exact sums, no rule checked.

It believes the list of refusals and knows nothing of the service, so that both can be compared.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

Body = dict[str, Any]
DEBIT_NORMAL = ("assets", "expenses")


class Model:
    """Posted balances, by (account, asset) and by (account, cost centre), and what is held."""

    def __init__(self, refused: Iterable[str]) -> None:
        self._refused = frozenset(refused)
        self._done: set[str] = set()
        self._entries: dict[str, list[Body]] = {}
        self.holds: dict[str, Body] = {}
        self.held: dict[str, Decimal] = {}
        self.balances: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.centres: dict[tuple[str, str], Decimal] = defaultdict(Decimal)

    def do(self, command: Body) -> None:
        """Does a command that is not listed as refused, once."""
        if command["key"] in self._refused or command["key"] in self._done:
            return
        self._done.add(command["key"])
        getattr(self, f"_{command['do']}")(command)

    def balance(self, prefix: str, asset: str = "USD") -> Decimal:
        """What the accounts under a prefix hold, positive on the normal side of their type."""
        total = sum(
            (
                value
                for (account, kind), value in self.balances.items()
                if account.startswith(prefix) and kind == asset
            ),
            start=Decimal(0),
        )
        return total if prefix.startswith(DEBIT_NORMAL) else -total

    def _post(self, command: Body) -> None:
        self._entries[command["id"] if "id" in command else command["key"]] = command["legs"]
        self._move(command["legs"], 1)

    def _reverse(self, command: Body) -> None:
        self._move(self._entries.pop(command["entry"]), -1)

    def _adjust(self, command: Body) -> None:
        self._reverse(command)
        self._move(command["legs"], 1)

    def _authorize(self, command: Body) -> None:
        self.holds[command["id"]] = command
        self.held[command["id"]] = Decimal(command["amount"])

    def _settle(self, command: Body) -> None:
        hold = self.holds[command["authorization"]]
        held = self.held[command["authorization"]]
        amount = Decimal(command["amount"]) if "amount" in command else held
        self.held[command["authorization"]] = (
            Decimal(0) if command.get("final") else max(Decimal(0), held - amount)
        )
        legs = [
            {"account": hold[side], "side": side, "amount": str(amount), "asset": hold["asset"]}
            for side in ("debit", "credit")
        ]
        self._move(legs, 1)

    def _void(self, command: Body) -> None:
        self.held[command["authorization"]] = Decimal(0)

    _release = _void

    def _move(self, legs: list[Body], sign: int) -> None:
        for leg in legs:
            amount = sign * Decimal(leg["amount"]) * (1 if leg["side"] == "debit" else -1)
            self.balances[leg["account"], leg["asset"]] += amount
            centre = leg.get("dimensions", {}).get("cost_centre")
            if centre is not None:
                self.centres[leg["account"], centre] += amount
