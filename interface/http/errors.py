"""Problems: what the service answers when it does not do what was asked (RFC 9457).

One table has the status of every code. The code is what clients may rely on; sentences may change.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.refusals import Refusal

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1

STATUS: dict[str, int] = {
    "malformed": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    **dict.fromkeys(
        (
            "ledger_not_found",
            "account_not_found",
            "asset_not_found",
            "journal_not_found",
            "entry_not_found",
            "authorization_not_found",
            "freeze_not_found",
            "not_found",
        ),
        404,
    ),
    "method_not_allowed": 405,
    **dict.fromkeys(
        (
            "idempotency_conflict",
            "already_exists",
            "already_reversed",
            "reversal_of_reversal",
            "authorization_closed",
            "condition_failed",
            "group_refused",
            "read_only",
        ),
        409,
    ),
    "stale": 412,
    "too_large": 413,
    "unsupported_media_type": 415,
    **dict.fromkeys(
        (
            "invalid_request",
            "unbalanced",
            "unbalanced_functional",
            "unvalued_leg",
            "too_many_legs",
            "amount_not_positive",
            "amount_too_fine",
            "amount_too_large",
            "asset_not_allowed",
            "same_account",
            "insufficient_funds",
            "account_frozen",
            "account_closed",
            "account_in_use",
            "account_not_postable",
            "period_closed",
            "effective_in_future",
            "expires_in_past",
            "over_settlement",
            "authorization_expired",
            "settlement_exists",
            "nothing_to_settle",
            "reduction_too_large",
            "nothing_settled",
            "refund_too_large",
            "limit_exceeded",
            "narrative_required",
            "not_reversible",
            "card_number_refused",
            "rate_not_found",
            "close_out_of_order",
            "export_incomplete",
        ),
        422,
    ),
    "too_many_requests": 429,
    "internal": 500,
    **dict.fromkeys(("busy", "behind", "outcome_unknown", "unavailable"), 503),
}

_encode = msgspec.json.Encoder().encode


class Problem(Exception):
    """An answer that is a problem. `facts` explain it and become members of the answer."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        facts: Mapping[str, Any] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.facts = facts or {}
        self.headers = headers

    @classmethod
    def of(cls, refusal: Refusal) -> "Problem":
        """Returns a refusal of the domain as a problem."""
        return cls(refusal.code, refusal.detail, facts=refusal.facts)

    @property
    def status(self) -> int:
        return STATUS[self.code]


def invalid(errors: Mapping[str, Any]) -> Problem:
    """Returns the problem of a request that breaks its schema; `errors` are by field."""
    return Problem(
        "invalid_request", "The request breaks its schema; see errors.", facts={"errors": errors}
    )


def problem_body(problem: Problem, more: Mapping[str, Any] | None = None) -> bytes:
    """Returns the JSON of a problem; `more` are members beside its facts."""
    return _encode(problem_members(problem, more))


def problem_members(problem: Problem, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Returns what a problem says; `more` are members beside its facts."""
    code = problem.code
    return {
        "type": f"urn:backoffice:error:{code}",
        "title": title(code),
        "status": STATUS[code],
        "detail": problem.detail,
        **_without_reserved(problem.facts),
        **(more or {}),
        "code": code,
    }


def title(code: str) -> str:
    """Returns the code as words."""
    return code.replace("_", " ").capitalize()


def _without_reserved(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """A fact never takes the place of a member that RFC 9457 gives a meaning."""
    return {name: fact for name, fact in facts.items() if name not in _RESERVED}


_RESERVED = frozenset({"type", "title", "status", "detail", "code"})
