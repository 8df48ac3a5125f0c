"""Erasures: bodies, and the answer."""

from domain.erasures import (
    EraseAccountTexts,
    EraseAuthorizationTexts,
    EraseEntryTexts,
    EraseEventTexts,
)
from interface.http.fields import Text, Uuid
from interface.http.schemas import REASON, Body
from interface.http.schemas_answers import Receipt


class EraseEntryBody(Body):
    """Takes away the narratives and metadata of an entry: the record keeps their digest."""

    makes = EraseEntryTexts
    target = "entry"

    reason = Text(40, pattern=REASON, required=True)


class EraseAuthorizationBody(Body):
    """Takes away the narratives and metadata of all that happened to a hold so far."""

    makes = EraseAuthorizationTexts
    target = "authorization"

    reason = Text(40, pattern=REASON, required=True)


class EraseAccountBody(Body):
    """Takes away the narratives and metadata of all that happened to an account itself so far: how
    it was opened and amended, its freezes and its limits."""

    makes = EraseAccountTexts
    target = "account"

    reason = Text(40, pattern=REASON, required=True)


class EraseEventBody(Body):
    """Takes away the narratives and metadata of all that happened so far to what the record at a
    position is about: a period, a rate, a baseline, the ledger itself, whatever it is."""

    makes = EraseEventTexts
    target = "event"

    reason = Text(40, pattern=REASON, required=True)


class TextsErased(Receipt):
    """Whose texts are gone: the stream of an entry, an authorization, or another thing."""

    erased = Uuid(required=True)
