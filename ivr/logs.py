"""How every process of ours logs: one JSON object a line, to standard error, times in UTC."""

import logging
import sys

import structlog

_EVERY: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def configure() -> None:
    """Set structlog up for a service. Called once, by the composition root."""
    structlog.configure(
        processors=[*_EVERY, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def configure_libraries() -> None:
    """Let the warnings of libraries be such lines too, in a service that has some."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[*_EVERY, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def mask(number: str) -> str:
    """Return a telephone number as logs may show it: its last three digits."""
    return f"***{number[-3:]}" if len(number) > 3 else "hidden"
