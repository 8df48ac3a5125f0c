"""What an exception becomes: a problem with a code, and a log line where somebody must look."""

import psycopg
import structlog
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from application.outcomes import Unanswered
from domain.refusals import Refusal
from interface.http.errors import Problem

_CODES = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
}

log = structlog.get_logger("interface.http")


def problem_of(error: Exception, *, request_id: str) -> Problem:
    """Returns the problem to answer with. Nothing of a bug shows but the request's id, by which
    its log line is found."""
    match error:
        case Problem():
            return error
        case Refusal():
            return Problem.of(error)
        case Unanswered():
            return Problem(error.code, error.detail)
        case HTTPException():
            return _of_routing(error)
        case (
            psycopg.OperationalError()
            | psycopg.InterfaceError()
            | psycopg.errors.ReadOnlySqlTransaction()
        ):
            log.warning("database_unavailable", request_id=request_id, error=str(error))
            return Problem("unavailable", "The database does not answer now.")
    log.error("request_failed", request_id=request_id, exc_info=error)
    return Problem("internal", f"The service failed; its log has more under {request_id}.")


def _of_routing(error: HTTPException) -> Problem:
    headers: tuple[tuple[str, str], ...] = ()
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers = (("Allow", ", ".join(sorted(error.valid_methods))),)
    code = _CODES.get(error.code or 500, "malformed" if (error.code or 500) < 500 else "internal")
    return Problem(code, _DETAILS.get(code, "The request can't be understood."), headers=headers)


_DETAILS = {
    "not_found": "There is nothing at this path.",
    "method_not_allowed": "The path takes other methods; see Allow.",
    "internal": "The service failed.",
}
