"""`siaga calls`, `siaga callbacks` and `siaga alarms`: the records, for people and for programs."""

from ivr.calls.alarms import alarms_command
from ivr.calls.callbacks import callbacks_command
from ivr.calls.command import calls_command

__all__ = ["alarms_command", "callbacks_command", "calls_command"]
