"""HOW a call is handled: the conversation, the wire it speaks over, and the command `siaga`."""
