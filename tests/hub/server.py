"""A file server on the loopback whose next answers a test writes down: cut, wrong, too long, sent elsewhere."""

import http.server
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Site:
    """One file and what became of it.

    answers:  used up one a request, each a function of the handler; after that the file is served as it should be
    requests: (method, path) in the order they came; connections: how many were opened
    """

    content: bytes
    answers: list[Callable] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def url(self, path: str = "/weights/tower.safetensors", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    site: Site

    def setup(self):
        self.site.connections += 1
        super().setup()

    def do_GET(self):
        self.site.requests.append((self.command, self.path))
        answer = self.site.answers.pop(0) if self.site.answers else properly
        answer(self)

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


def head(handler, status, headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, str(value))
    handler.end_headers()


def properly(handler):
    """The file."""
    head(handler, 200, {"Content-Length": len(handler.site.content)})
    if handler.command == "GET":
        handler.wfile.write(handler.site.content)


def cut_after(n_bytes):
    """The whole file promised, the connection closed early."""

    def answer(handler):
        head(handler, 200, {"Content-Length": len(handler.site.content)})
        handler.wfile.write(handler.site.content[:n_bytes])
        handler.close_connection = True

    return answer


def answering(status, body=b"", length=True, **headers):
    """A fixed answer; underscores in header names stand for hyphens; length=False leaves the size untold."""

    def answer(handler):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        head(handler, status, named | ({"Content-Length": len(body)} if length else {}))
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


@contextmanager
def serving(site: Site):
    """The site on a port of this machine."""
    handler = type("SiteHandler", (Handler,), {"site": site})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        site.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
