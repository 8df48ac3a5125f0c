"""Random histories of a ledger, and what a clerk with nothing but the records would answer.

Shares no code with the views: it reads the records' JSON, keeps every leg in a list and adds up.
"""

import random
from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from domain.accounts import OpenAccount, Side
from domain.assets import RegisterAsset
from domain.commands import Command
from domain.corrections import Adjust, Reverse
from domain.entries import Post
from domain.legs import LegAsked
from tests.application.office import Office, id_of

CHART = {
    "assets:bank": "asset",
    "assets:bank:euro": "asset",
    "assets:conversion": "asset",
    "assetsx": "asset",
    "liabilities:loans": "liability",
    "equity:capital": "equity",
    "equity:retained": "equity",
    "revenue:sales": "revenue",
    "expenses:rent": "expense",
}
"""`assetsx` is not in the branch `assets`."""

PURPOSES = {"assets:conversion": "conversion", "equity:retained": "retained_earnings"}


def prepare(office: Office) -> None:
    """Opens the accounts of CHART, which take any asset, and registers EUR."""
    commands: list[Command] = [RegisterAsset(code="EUR")]
    for code, kind in CHART.items():
        purpose = PURPOSES.get(code)
        line = f"Line of {code.partition(':')[0]}"
        commands.append(
            OpenAccount(code=code, type=kind, name=code, purpose=purpose, statement_line=line)  # type: ignore[arg-type]
        )
    for outcome in office.all(*commands):
        assert outcome.status == "done", outcome.detail


def live(office: Office, chance: random.Random, commands: int) -> None:
    """Posts, backdates, converts, reverses and adjusts at random; time goes on between commits."""
    posted: list[str] = []
    done = 0
    while done < commands:
        batch = [_command(office, chance, posted) for _ in range(chance.randint(1, 7))]
        posted += [
            id_of(outcome)
            for outcome in office.all(*batch)
            if outcome.status == "done" and outcome.stored[0].topic == "EntryPosted"
        ]
        done += len(batch)
        office.clock.move(hours=chance.choice((0, 1, 7, 30, 200)))


def live_in(office: Office, chance: random.Random, month: str, commands: int) -> None:
    """Posts on days of a month that is open, and takes some of that back on others."""

    def day() -> date:
        return date.fromisoformat(f"{month}-{chance.randint(1, 28):02}")

    posts = [
        Post(legs=_legs(chance), effective_on=day(), class_=_class(chance)) for _ in range(commands)
    ]
    done = [office.done(post) for post in posts]
    for outcome in chance.sample(done, commands // 4):
        office.done(Reverse(entry=id_of(outcome), reason="data_entry", effective_on=day()))


def _command(office: Office, chance: random.Random, posted: list[str]) -> Command:
    today = office.clock.now.date() - timedelta(days=1)
    effective_on = today
    if chance.random() < 0.4:
        effective_on = today - timedelta(days=chance.choice((1, 20, 40, 400, 900)))
    kind = chance.random()
    later = chance.choice((None, today))  # else on the day of what is corrected
    if posted and kind < 0.15:
        return Reverse(entry=chance.choice(posted), reason="data_entry", effective_on=later)
    if posted and kind < 0.25:
        return Adjust(
            entry=chance.choice(posted),
            legs=_legs(chance),
            reason="wrong_amount",
            effective_on=later,
            replacement_effective_on=chance.choice((None, later)),
        )
    return Post(
        legs=_legs(chance),
        effective_on=effective_on,
        class_=_class(chance),
        reference=f"R-{len(posted)}" if kind < 0.6 else None,
        narrative=f"Of {effective_on}" if kind < 0.8 else None,
    )


def _class(chance: random.Random) -> Any:
    return chance.choice((None, None, None, "adjusting", "closing", "reclassification"))


def _legs(chance: random.Random) -> list[LegAsked]:
    accounts = [code for code in CHART if code != "assets:conversion"]
    debit, credit = chance.sample(accounts, 2)
    cents = chance.randint(1, 10_000)
    amount = f"{cents // 100}.{cents % 100:02}"
    if chance.random() < 0.7:
        return [
            _owed(debit, "debit", amount, cents),
            _owed(credit, "credit", amount, cents),
        ]
    worth = f"{cents * 11 // 1000}.{cents * 11 // 10 % 100:02}"
    if worth == "0.00":
        return _legs(chance)
    conversion = "assets:conversion"
    return [
        _euros(debit, "debit", amount, worth),
        _euros(conversion, "credit", amount, worth),
        LegAsked(account=conversion, side="debit", amount=worth, asset="USD"),
        LegAsked(account=credit, side="credit", amount=worth, asset="USD"),
    ]


def _owed(account: str, side: Side, amount: str, cents: int) -> LegAsked:
    """By one of three or by nobody in particular, and due on some day or none."""
    party = None if cents % 4 == 3 else f"party-{cents % 4}"
    due_on = None if cents % 5 else date(2026, 1, 1) + timedelta(days=cents % 200)
    return LegAsked(
        account=account, side=side, amount=amount, asset="USD", party=party, due_on=due_on
    )


def _euros(account: str, side: Side, amount: str, worth: str) -> LegAsked:
    return LegAsked(account=account, side=side, amount=amount, asset="EUR", functional_amount=worth)


class Leg(NamedTuple):
    """A leg and what its record says of it."""

    position: int
    number: int
    recorded_at: str
    effective_on: date
    class_: str
    account: str
    asset: str
    is_debit: bool
    amount: Fraction
    functional: Fraction
    entry: str
    party: str
    due_on: date | None
    corrects: str | None


def legs_of(records: list[dict[str, Any]]) -> list[Leg]:
    """Every leg of the log, in its order."""
    return [
        Leg(
            record["position"],
            number,
            record["recorded_at"],
            date.fromisoformat(record["payload"]["effective_on"]),
            record["payload"].get("class", "ordinary"),
            leg["account"],
            leg["asset"],
            leg["side"] == "debit",
            Fraction(leg["amount"]),
            Fraction(leg.get("functional_amount") or leg["amount"]),
            record["stream"],
            leg.get("party", ""),
            date.fromisoformat(leg["due_on"]) if "due_on" in leg else None,
            record["payload"].get("corrects"),
        )
        for record in records
        if record["type"] == "EntryPosted"
        for number, leg in enumerate(record["payload"]["legs"], start=1)
    ]


def left_out(legs: list[Leg], classes: set[str], year: int) -> set[str]:
    """The entries of these classes in a year or later, without any that corrects an entry of an
    earlier year, or a correction of one."""
    entries = {leg.entry: leg for leg in legs}

    def earliest(entry: str) -> int:
        leg = entries[entry]
        of_own = leg.effective_on.year
        return of_own if leg.corrects is None else min(of_own, earliest(leg.corrects))

    return {
        entry for entry, leg in entries.items() if leg.class_ in classes and earliest(entry) >= year
    }


class Total(NamedTuple):
    debits: Fraction
    credits: Fraction
    functional: Fraction


def balances(
    legs: list[Leg], *, position: int, effective_on: date | None
) -> dict[tuple[str, str], Total]:
    """What was posted through a day as known at a position, by account and asset."""
    found: dict[tuple[str, str], list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 3)
    for leg in legs:
        if leg.position > position:
            continue
        total = found[leg.account, leg.asset]
        if effective_on is not None and leg.effective_on > effective_on:
            continue
        total[0 if leg.is_debit else 1] += leg.amount
        total[2] += leg.functional if leg.is_debit else -leg.functional
    return {key: Total(*total) for key, total in found.items()}


def open_items(legs: list[Leg], *, position: int, effective_on: date) -> list[tuple[Leg, Fraction]]:
    """What is open of each leg, the long way: every leg looks through all that came before."""
    found: list[tuple[Leg, Fraction]] = []
    meant = [one for one in legs if one.position <= position and one.effective_on <= effective_on]
    for leg in sorted(meant, key=lambda one: (one.effective_on, one.position, one.number)):
        left = leg.amount
        of_party = [n for n, (item, _) in enumerate(found) if item.party == leg.party]
        corrected = [n for n, (item, _) in enumerate(found) if item.entry == leg.corrects]
        for number in corrected + of_party:
            item, still = found[number]
            if (item.account, item.asset) == (leg.account, leg.asset):
                part = min(left, still) if item.is_debit != leg.is_debit else Fraction(0)
                found[number] = (item, still - part)
                left -= part
        found.append((leg, left))
    return [(leg, still) for leg, still in found if still]
