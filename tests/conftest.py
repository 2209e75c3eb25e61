"""What holds for every test: Ctrl-C can be pressed, and workers do not meet.

Workers that run tests side by side (`pytest -n`) have a network each, for the same ports.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
from pathlib import Path

import pytest

LOCAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
CLONE_NEWNET = 0x40000000  # linux/sched.h; os.unshare came with Python 3.12
SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # netdevice(7)


def pytest_configure(config: pytest.Config) -> None:
    del config  # the same for all
    # Whoever runs us in the background may ignore it, and so would what we start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network of its own for this worker; leave out -n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
    # Those that the kernel gives out are not those that the tests' lines listen on.
    LOCAL_PORTS.write_text("50000 60999", encoding="ascii")
