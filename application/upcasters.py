"""How payloads of older versions become those of the next one; see `EventShapes`."""

from typing import Any

Members = dict[str, Any]


def entry_with_movement(members: Members) -> Members:
    """EntryPosted 1 -> 2: an entry of an authorization could only be a settlement of two legs."""
    if "authorization" not in members:
        return members
    movement = {"kind": "settlement", "amount": members["legs"][0]["amount"]}
    return members | {"movement": movement}


def hold_with_counters(members: Members) -> Members:
    """Authorization... 1 -> 2: nothing of it could be returned, so `refunded` was always zero."""
    state = members["authorization"]
    zero = state["refunded"]
    counters = {
        "charged_back": zero,
        "represented": zero,
        "settlements": int(state["settled"] != zero),
    }
    return members | {"authorization": state | counters}


def without_rates(members: Members) -> Members:
    """What was written before there were rates had no worth from them, and relieved nothing."""
    return members


def with_approver(members: Members) -> Members:
    """BaselineSet 1 -> 2: without an author, it was approved before it was recorded."""
    return members


def without_person(members: Members) -> Members:
    """What was written before a service's person was on record was by persons, as far as it
    says."""
    return members


def without_limits(members: Members) -> Members:
    """What was written before there were limits took nothing of them."""
    return members
