"""Errors of a schema, as sentences for a person at a terminal."""

from typing import Any


def sentences(errors: Any, name: str = "") -> list[str]:
    """Returns what is wrong, a sentence each: `legs.0.amount: Not a valid amount.`"""
    if isinstance(errors, dict):
        return [
            sentence
            for key, inner in errors.items()
            for sentence in sentences(inner, f"{name}.{key}" if name else str(key))
        ]
    each = errors if isinstance(errors, list) else [errors]
    return [f"{name}: {sentence}" for sentence in each]
