"""WHERE a call goes. Pure: knows no IVR, no clock, no I/O but reading YAML."""
