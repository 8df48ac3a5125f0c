"""Amounts: integer minor units inside, decimal strings at the edge and in the record.

An amount is never a float. A stored amount always shows all decimals of its asset's scale, which
is why `minor_units` can read it back without knowing the scale.
"""

from domain.refusals import Refusal

LIMIT_MINOR = 10**18
"""A leg's amount stays below this many minor units, so that it fits a signed 64-bit integer."""

_LONGEST_DIGITS = 31
"""More digits than this can't be below the limit at any scale (0 to 12); bounds `int()`."""

BALANCE_DIGITS = 38
"""What a balance may come to, summed up from amounts that each stay below the limit."""


class AmountNotPositive(Refusal):
    code = "amount_not_positive"
    sentence = "The amount {asked} is not above zero."


class AmountTooFine(Refusal):
    code = "amount_too_fine"
    sentence = "The amount {asked} has more than the {scale} decimals of {asset}."


class AmountTooLarge(Refusal):
    code = "amount_too_large"
    sentence = "The amount {asked} {asset} is 10^18 minor units or more."


class BalanceTooLarge(Refusal):
    code = "amount_too_large"
    sentence = "No balance of {asset} comes to {asked}."


def parse_value(text: str, *, scale: int, asset: str) -> int:
    r"""Returns the minor units of a decimal string, zero included.

    Requires the form `[0-9]+(\.[0-9]+)?`, which the contract's schema guarantees.
    Raises AmountTooFine, AmountTooLarge.
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) > scale:
        raise AmountTooFine(asked=text[:64], scale=scale, asset=asset)
    digits = whole + fraction + "0" * (scale - len(fraction))
    if len(digits) > _LONGEST_DIGITS:
        digits = digits.lstrip("0") or "0"
        if len(digits) > _LONGEST_DIGITS:
            raise AmountTooLarge(asked=text[:64], asset=asset)
    minor = int(digits)
    if minor >= LIMIT_MINOR:
        raise AmountTooLarge(asked=text[:64], asset=asset)
    return minor


def parse_amount(text: str, *, scale: int, asset: str) -> int:
    """Returns the minor units of a decimal string that must be above zero.

    Raises AmountNotPositive, AmountTooFine, AmountTooLarge, in this precedence.
    """
    if not text.strip("0."):
        raise AmountNotPositive(asked=text[:64])
    return parse_value(text, scale=scale, asset=asset)


def parse_signed(text: str, *, scale: int, asset: str) -> int:
    """Returns the minor units of a decimal string that may begin with a minus sign."""
    if text.startswith("-"):
        return -parse_value(text[1:], scale=scale, asset=asset)
    return parse_value(text, scale=scale, asset=asset)


def parse_balance(text: str, *, scale: int, asset: str) -> int:
    """Returns the minor units of what a balance is or is compared with: any that one can come to.

    Requires the form of `parse_signed`. Raises AmountTooFine, AmountTooLarge.
    """
    whole, _, fraction = text.removeprefix("-").partition(".")
    if len(fraction) > scale:
        raise AmountTooFine(asked=text[:64], scale=scale, asset=asset)
    digits = (whole + fraction.ljust(scale, "0")).lstrip("0") or "0"
    if len(digits) > BALANCE_DIGITS:
        raise BalanceTooLarge(asked=text[:64], asset=asset)
    return -int(digits) if text.startswith("-") else int(digits)


def format_amount(minor: int, scale: int) -> str:
    """Returns the decimal string with all decimals of the scale: `(50000, 2) -> "500.00"`."""
    if scale == 0:
        return str(minor)
    if minor < 0:
        return "-" + format_amount(-minor, scale)
    digits = str(minor)
    if len(digits) <= scale:
        digits = digits.zfill(scale + 1)
    return f"{digits[:-scale]}.{digits[-scale:]}"


def minor_units(stored: str) -> int:
    """Returns the minor units of an amount as `format_amount` wrote it, at whatever scale."""
    return int(stored.replace(".", ""))
