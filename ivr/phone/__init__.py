"""A citizen's phone: real SIP and real sound, told as the caller hears it.

`siaga call` and the tests dial with it. Nothing that serves callers imports it.
"""

from ivr.phone.caller import Marks, PhoneCall, Report, call
from ivr.phone.hearing import Event, What
from ivr.phone.media import How, Key

__all__ = ["Event", "How", "Key", "Marks", "PhoneCall", "Report", "What", "call"]
