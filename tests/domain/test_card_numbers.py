"""What looks like a card's number is refused, wherever it stands; nothing else is."""

import re
from itertools import combinations

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.card_numbers import (
    CardNumberRefused,
    card_number_in,
    has_card_number,
    without_card_numbers,
)
from domain.corrections import Adjust
from domain.entries import Post
from tests.domain.harness import credit, debit, ledger, transfer

VISA, AMEX, MAESTRO = "4111111111111111", "378282246310005", "6759649826438453"

CARDS = [
    VISA,
    AMEX,
    MAESTRO,
    "4222222222222",  # 13 digits
    "6304000000000000000",  # 19 digits
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "3782 822463 10005",
    "4111 1111-11111111",
    "41 11 11 11 11 11 11 11",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    f"card {VISA}.",
    f"card{VISA}x",
    f"1,{VISA}",
    f"2026-03-31 {VISA}",
    f"12 {VISA}",
    f"{VISA} 12/27",
    f"{VISA} 1227 123",
    "4111\u00a01111\u00a01111\u00a01111",
    "4111\u20131111\u20131111\u20131111",
    "\uff14\uff11\uff11\uff11" + VISA[4:],
]
OTHERS = [
    "",
    "4111111111111112",  # fails the check
    "411111111111",  # 12 digits
    "00000000000000000000",  # 20 digits
    f"9{VISA}111",  # inside a longer number
    "4111 1111 1111 111",
    "4111  1111  1111  1111",
    "4111.1111.1111.1111",
    "2026-01-01 2026-01-09",  # days, that pass the check together
    "INV-2026-000123",
    "0b0e6f9c-0d6c-4b2e-9a3b-3a1e6f7c8d9e",
    "7828fa1d-b311-81c7-a6e4-613279529446",  # would pass the check with its last 13 digits
    "DE89 3704 0044 0532 0130 00",
]


def naive_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: by hand."""
    total = 0
    for place, digit in enumerate(digits[::-1]):
        doubled = int(digit) * 2 if place % 2 else int(digit)
        total += sum(map(int, str(doubled)))
    return total % 10 == 0


@pytest.mark.parametrize("text", CARDS)
def test_a_cards_number_is_seen(text: str) -> None:
    assert has_card_number(text)


@pytest.mark.parametrize("text", OTHERS)
def test_other_texts_are_not_taken_for_one(text: str) -> None:
    assert not has_card_number(text)


def test_two_days_would_pass_the_check() -> None:
    """Else the case above could not fail."""
    assert naive_luhn("2026010120260109")


@given(st.text("0123456789", min_size=11, max_size=21))
def test_the_check_is_luhns_for_13_to_19_digits(digits: str) -> None:
    assert has_card_number(digits) == (13 <= len(digits) <= 19 and naive_luhn(digits))


def naive_card_number(text: str) -> bool:
    """Every row of groups, every first and last group of it."""
    for row in re.findall(r"\d+(?:[ -]\d+)*", text):
        groups = re.split("[ -]", row)
        for first, last in combinations(range(len(groups) + 1), 2):
            digits = "".join(groups[first:last])
            if 13 <= len(digits) <= 19 and naive_luhn(digits):
                return True
    return False


@settings(deadline=None, max_examples=500)
@given(st.text("0123456789 -a", max_size=60) | st.text("01 ", max_size=60))
def test_groups_are_taken_together_as_a_naive_reader_would(text: str) -> None:
    assume(re.search(r"\d{4}-\d\d-\d\d", text) is None)  # might be a day
    assert has_card_number(text) == naive_card_number(text)


@given(st.text(max_size=60))
def test_any_text_can_be_looked_at(text: str) -> None:
    has_card_number(text)


LEGS = [debit("a", "1"), credit("b", "1", narrative=VISA)]


@pytest.mark.parametrize(
    ("command", "member"),
    [
        (Post(legs=LEGS[:1], narrative=VISA), "narrative"),
        (Post(legs=LEGS[:1], reference=VISA), "reference"),
        (Post(legs=LEGS[:1], metadata={"k": VISA}), "metadata"),
        (Post(legs=LEGS[:1], metadata={VISA: "v"}), "metadata"),
        (Post(legs=LEGS), "legs"),
        (Adjust(entry="e", legs=LEGS), "legs"),
    ],
)
def test_each_text_is_looked_at_and_left_out(command: Post | Adjust, member: str) -> None:
    assert card_number_in(command) == member
    bare = without_card_numbers(command)
    assert VISA.encode() not in msgspec.json.encode(bare)
    assert card_number_in(bare) is None


def test_the_refusal_says_where_and_not_which() -> None:
    when = ledger.when(transfer("cash", "income", "1.00", narrative=VISA))
    when.then(CardNumberRefused(member="narrative"))
    assert when.refusal is not None
    assert VISA not in when.refusal.detail


def test_a_command_without_one_stays_as_it_is() -> None:
    command = Post(legs=LEGS[:1], narrative="n", reference="r", metadata={"k": "v"})
    assert card_number_in(command) is None
    assert without_card_numbers(command) == command
