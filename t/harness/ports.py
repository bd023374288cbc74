# SPDX-License-Identifier: Apache-2.0
"""Loopback ports that stay ours until this process ends, even while nothing listens on them."""
import random
import socket

# Below the kernel's ephemeral range, so that no outgoing connection takes a port while its server is stopped.
FIRST_PORT, LAST_PORT = 20000, 31999

# Linux's abstract sockets are unique on the machine and vanish with the process: a reservation that needs no file.
_reservations = []


def reserve_port():
    """A free TCP port of 127.0.0.1 that no other process using this function is given meanwhile."""
    count = LAST_PORT - FIRST_PORT + 1
    start = random.randrange(count)
    for port in (FIRST_PORT + (start + step) % count for step in range(count)):
        reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            reservation.bind(f"\0attune-billing-port-{port}")
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        if _is_free(port):
            return port
    raise RuntimeError(f"no free port between {FIRST_PORT} and {LAST_PORT}")


def _is_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection in TIME_WAIT is no reason to refuse a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
