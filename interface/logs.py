"""Logs: structlog's events and the standard library's, in one form on standard error.

JSON lines, or coloured text on a terminal. Whatever looks like a secret is masked in the finished
line, so that no caller has to think of it.
"""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRETS = re.compile(
    r"\bbo_[A-Za-z0-9_-]{20,}"  # keys
    r"|(?<=://)[^\s/:@]*:[^\s@]+(?=@)"  # user and password in a URL
    r"|(?<=password=)(?:'(?:[^'\\]|\\.)*'|[^\s'\"]+)",
)
MASK = "***"


def configure_logs(level: str) -> None:
    """Sends the logs of this process to standard error. `level`: one of settings.LOG_LEVELS."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    rendering: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if sys.stderr.isatty():
        # Without the locals of each frame, which hold clients' data and take seconds to render.
        rendering.append(
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        )
    else:
        rendering += [
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[*rendering, _mask],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())


def masked(text: str) -> str:
    """Returns the text without keys and passwords."""
    return _SECRETS.sub(MASK, text)


def _mask(_logger: WrappedLogger, _method: str, line: EventDict) -> Any:
    # The last processor gets what the renderer returned: a line of text.
    return masked(str(line))
