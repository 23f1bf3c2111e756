"""The command of forkserver.py: it asks the server for a forked process, and ends as that process does.

It imports only what is built into Python, to start in 20 ms.
"""

import _signal as signal
import _socket
import os
import sys


def main() -> None:
    folder = sys.argv[0].removesuffix("python")
    if "/group" in folder:  # Ctrl-C is for the forked process, which is in the same group
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = ask(folder + "socket")
    if code is None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def ask(address: str) -> int | None:
    """The exit code of the forked process, negative for a signal; None where `sys.executable` is to be called."""
    try:
        for number in (0, 1, 2):
            os.fstat(number)
    except OSError:
        return None  # a closed stream cannot be handed over
    parts = [b"", os.getcwdb(), str(len(sys.argv) - 1).encode(), *map(os.fsencode, sys.argv[1:])]  # noqa: PTH109 (no import)
    parts += [name + b"=" + value for name, value in os.environb.items()]
    body = b"\0".join(parts)
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.connect(address)
    connection.sendmsg([len(body).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
    connection.sendall(body)
    answer = connection.recv(16)
    return int(answer) if answer else None


if __name__ == "__main__":
    main()
