"""The reading end of the journal: its files, followed, turned and thrown away when they are old.

Asterisk opens the live file, writes one line and closes it, for each event (res/cdrel_custom,
write_record_to_file). So it may be renamed at any time: what is being written then lands in the
renamed file a moment later, and the next event makes a new one.
"""

from ivr.tail.files import LIVE, Trouble, What
from ivr.tail.reader import Look, Tail
from ivr.tail.rotation import Pruned, Rotated, prune, rotate

__all__ = ["LIVE", "Look", "Pruned", "Rotated", "Tail", "Trouble", "What", "prune", "rotate"]
