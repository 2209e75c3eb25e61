"""`siaga report`: the figures of a day or a month, for people and for programs."""

from ivr.report.command import report_command

__all__ = ["report_command"]
