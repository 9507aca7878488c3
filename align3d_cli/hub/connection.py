"""Opening an HTTP address: no other scheme, no way into the open, and an end to servers that only keep us waiting."""

import http.client
import socket
import threading
import time
import urllib.request
from contextlib import suppress
from urllib.parse import urlsplit

from align3d_cli import __version__
from align3d_cli.encoders.sources import is_protected
from align3d_cli.errors import InputRejected

HEADERS = {"User-Agent": f"align3d/{__version__}", "Accept-Encoding": "identity"}


class Watch:
    """Ends a conversation that brings too little: a byte now and then, in headers too, renews a socket's own timeout.

    alive: bytes that have come, kept up by who reads them; ended: why it was broken off, empty while it was not
    """

    def __init__(self, stall_s: float, stall_bytes_s: float) -> None:
        self.stall_s, self.stall_bytes_s = stall_s, stall_bytes_s
        self.alive, self.ended = 0, ""
        self._sockets: list[socket.socket] = []
        self._over = threading.Event()

    def __enter__(self) -> "Watch":
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()

    def add(self, opened: socket.socket) -> None:
        """A socket of this conversation."""
        self._sockets.append(opened)

    def _look(self) -> None:
        before, since = self.alive, time.monotonic()
        while not self._over.wait(self.stall_s):
            if self.alive - before < self.stall_bytes_s * (time.monotonic() - since):
                self.ended = f"the server sends less than {self.stall_bytes_s:.0f} bytes a second"
                for opened in self._sockets:
                    with suppress(OSError):  # closed meanwhile
                        opened.shutdown(socket.SHUT_RDWR)
                return
            before, since = self.alive, time.monotonic()


class _Watched(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Opens connections whose sockets a watch knows."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def http_open(self, req):
        return self.do_open(self._kind(http.client.HTTPConnection), req)

    def https_open(self, req):
        return self.do_open(self._kind(http.client.HTTPSConnection), req)

    def _kind(self, base: type[http.client.HTTPConnection]) -> type[http.client.HTTPConnection]:
        watch = self.watch

        class Connection(base):
            def connect(self) -> None:
                super().connect()
                watch.add(self.sock)

        return Connection


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = 5
    max_repeats = 2

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        """As urllib, never to another scheme than HTTP and never from a protected way to an open one."""
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise InputRejected(f"{req.full_url}: redirects to {newurl}, which is no HTTP address; fetch it by hand")
        if is_protected(req.full_url) and not is_protected(newurl):
            raise InputRejected(f"{req.full_url}: redirects to {newurl}, which is not encrypted; fetch it by hand")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        return None


def open_url(
    url: str,
    watch: Watch,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    follow: bool = True,
    timeout_s: float = 30.0,
) -> http.client.HTTPResponse:
    """Open an HTTP address; no other scheme is ever opened. Raises urllib's and http.client's errors."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(), _Watched(watch),
        urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPErrorProcessor(), urllib.request.UnknownHandler(),
        _Redirects() if follow else _NoRedirects(),
    ):  # fmt: skip
        opener.add_handler(handler)
    return opener.open(urllib.request.Request(url, headers=HEADERS | (headers or {}), method=method), timeout=timeout_s)
