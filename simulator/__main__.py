"""``python -m simulator``: start the simulator."""

import argparse
import contextlib
import errno
import ipaddress
import os
import socket
import sys

import uvicorn

from simulator.app import create_app
from simulator.settings import BadSettings, settings_from_environment
from simulator.store import BadStateFile

SHUTDOWN_SECONDS = 2  # a request that a fault lets hang must not hold up the end


class CannotStart(Exception):
    """The message is one sentence for a person."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        settings = settings_from_environment(os.environ, state=options.state, seed=options.seed)
        listener = _listen(options.host, options.port, options.allow_other_hosts)
        app = create_app(settings)
    except (BadSettings, BadStateFile, CannotStart) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(
        f"Payment simulator on http://{shown}:{port}/ - the customer's phone: http://{shown}:{port}/phone/",
        flush=True,
    )
    config = uvicorn.Config(
        app,
        log_level=options.log_level,
        access_log=options.log_level == "info",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,
    )
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn has stopped in good order by then
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Safaricom Daraja's wire format and the customer's phone, on this machine.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8100, help="port, 0 for any free one (default: %(default)s)")
    parser.add_argument("--state", default=":memory:", help="SQLite file that survives restarts (default: in memory)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the faults by probability (default: %(default)s)")
    parser.add_argument(
        "--allow-other-hosts",
        action="store_true",
        help="listen on an address that other machines reach; anybody there can then control the simulator",
    )
    parser.add_argument("--log-level", choices=("info", "warning", "error"), default="warning")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def _listen(host: str, port: int, allow_other_hosts: bool) -> socket.socket:
    """Bind before anything else is made, so that a busy port is one sentence and not a stack trace."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise CannotStart(f"The host {host} is not known.") from error
    if not ipaddress.ip_address(address[0]).is_loopback and not allow_other_hosts:
        raise CannotStart(f"{host} is not a loopback address; add --allow-other-hosts if that is meant.")
    # asyncio sends small answers at once only on sockets that name their protocol; others wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"Port {port} on {host} is taken; choose another with --port.") from error
        raise CannotStart(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    listener.set_inheritable(True)
    return listener


if __name__ == "__main__":
    sys.exit(main())
