"""How every process of ours logs: one JSON object a line, to standard error, times in UTC."""

import sys

import structlog


def configure() -> None:
    """Set structlog up for a service. Called once, by the composition root."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def mask(number: str) -> str:
    """Return a telephone number as logs may show it: its last three digits."""
    return f"***{number[-3:]}" if len(number) > 3 else "hidden"
