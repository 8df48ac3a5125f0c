"""Which wishes there are: drawn by hypothesis, or by a seeded random that needs no time."""

from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.lives.deeds import AMOUNT, EVER, HOLD, MAYBE, SELDOM, WALLET, Choices, Wish, pick

Arguments = dict[str, Choices]

RETURNS = (["refund", "chargeback", "representment"],)
MONEY: dict[str, Arguments] = {
    "fund": {"wallet": WALLET, "amount": AMOUNT},
    "transfer": {"wallet": WALLET, "amount": AMOUNT},
    "transfer_what_is_late": {"amount": AMOUNT},
    "pay_out": {"amount": AMOUNT},
}
HOLDS: dict[str, Arguments] = {
    "authorize": {
        "wallet": WALLET,
        "amount": AMOUNT,
        "percent": ([0, 15, 33],),
        "seconds": ([None, 5, 15, 65, 3 * 86_400 + 5],),
        "exactly": EVER,
    },
    "resize": {"hold": HOLD, "amount": AMOUNT, "grows": EVER},
    "reduce_to_zero": {"hold": HOLD},
    "settle": {"hold": HOLD, "amount": MAYBE, "final": SELDOM},
    "settle_late": {},
    "settle_what_is_stopped": {},
    "settle_to_the_ceiling": {"hold": HOLD, "above": (range(2),)},
    "end": {"hold": HOLD, "verb": (["void", "release"],)},
    "force": {"hold": HOLD, "amount": AMOUNT},
    "force_unmatched": {"wallet": WALLET, "amount": (range(1, 301),), "again": SELDOM},
}
RETURNING: dict[str, Arguments] = {
    "give_back": {"hold": HOLD, "verb": RETURNS, "amount": AMOUNT, "all_of_it": EVER},
    "take_back": {"number": HOLD, "restore": EVER},
    "put_right": {"number": HOLD, "amount": AMOUNT, "elsewhere": SELDOM},
}
STOPS: dict[str, Arguments] = {
    "freeze": {
        "wallet": WALLET,
        "scope": (["all", "debits", "credits"],),
        "basis": (["administrative", "legal"],),
        "lien": ([None], [None], range(1, 12_001)),
    },
    "lift": {"number": HOLD},
    "bound": {
        "wallet": WALLET,
        "per": (["authorization", "day", "month"],),
        "amount": ([None], range(100), range(2_000)),
        "count": ([None], range(21)),
    },
}
TOGETHER = MONEY | HOLDS | RETURNING
"""What a batch takes."""
EVERYTHING = TOGETHER | STOPS
WEIGHTS = {"authorize": 5, "settle": 2, "give_back": 3, "put_right": 2, "bound": 2}
"""Others have 1."""

HOUR = 60 * 6
DAY = 24 * HOUR
TENS = (0, 0, 0, 0, 1, 6, 6, 6, 14 * HOUR, DAY, DAY, 31 * DAY)
"""Of seconds that pass. (After 14 hours it may be tomorrow in UTC and still today there.)"""
MORE = tuple((number, "available", "gt", 0) for number in range(2))
"""Only where something that is due expires first."""
TO_A_LIMIT, BEYOND = (Wish("take_of_a_limit", {"above": above}) for above in range(2))
THEN: tuple[tuple[Wish, ...], ...] = (
    (),
    (Wish("settle_late", {}),),
    (Wish("transfer_what_is_late", {"amount": 0}),),
    (Wish("transfer_what_is_late", {"amount": 299}),),
    (TO_A_LIMIT, BEYOND),
    (BEYOND, TO_A_LIMIT),
    (Wish("take_a_cent", {}), Wish("release_an_older", {}), BEYOND),
    *((Wish("fund", {"wallet": 0, "amount": 1}, (more,)),) for more in MORE),
)
"""What is done when time has passed: what is due at that very moment is due."""
FOLLOWING = {"freeze": Wish("settle_what_is_stopped", {})}
"""What is often done right after."""

WANT: tuple[Choices, ...] = (
    (range(3),),
    (["available", "posted", "version"],),
    (["gt", "gte", "eq", "lte", "lt"],),
    ([-1, 0, 1], [-500, 500]),
)
WANTS_IN = 6
"""One in so many has conditions."""


def wish(random: Random, kinds: dict[str, Arguments]) -> Wish:
    """Draws a wish."""
    kind = random.choice(weighted(kinds))
    arguments = {name: pick(random, choices) for name, choices in kinds[kind].items()}
    wants = []
    while random.randrange(WANTS_IN) == 0:
        wants.append(known([pick(random, choices) for choices in WANT]))
    return Wish(kind, arguments, tuple(wants))


def weighted(kinds: dict[str, Arguments]) -> list[str]:
    return [kind for kind in kinds for _ in range(WEIGHTS.get(kind, 1))]


def known(want: Any) -> tuple[int, str, str, int]:
    """A version can only be equal, and only to one that could be."""
    account, what, _, beside = want
    return (account, what, "eq", abs(beside) % 2) if what == "version" else want


def chosen(choices: Choices) -> st.SearchStrategy[Any]:
    return st.one_of(*(st.sampled_from(some) for some in choices))


wants = st.tuples(*map(chosen, WANT)).map(known)


def wishes(kinds: dict[str, Arguments]) -> st.SearchStrategy[Wish]:
    """Wishes of these kinds; they shrink to few and small ones without conditions."""
    conditions = st.sampled_from([False] * (WANTS_IN - 1) + [True]).flatmap(
        lambda some: st.lists(wants, min_size=1, max_size=2).map(tuple) if some else st.just(())
    )
    return st.one_of(
        *(
            st.builds(
                Wish,
                st.just(kind),
                st.fixed_dictionaries({name: chosen(c) for name, c in kinds[kind].items()}),
                conditions,
            )
            for kind in weighted(kinds)
        )
    )
