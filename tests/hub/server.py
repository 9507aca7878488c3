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
    requests: (method, path, Range header or None) in the order they came; connections: how many were opened
    """

    content: bytes
    etag: str | None = None
    ranges: bool = True
    answers: list[Callable] = field(default_factory=list)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def url(self, path: str = "/weights/tower.safetensors", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def ranges_asked(self) -> list[str | None]:
        return [asked for _, _, asked in self.requests]


class Handler(http.server.BaseHTTPRequestHandler):
    site: Site

    def setup(self):
        self.site.connections += 1
        super().setup()

    def do_GET(self):
        self.site.requests.append((self.command, self.path, self.headers.get("Range")))
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
    """The file, or the part of it that was asked for."""
    site, asked = handler.site, handler.headers.get("Range")
    extra = {"ETag": site.etag} if site.etag else {}
    start, status = 0, 200
    if asked and site.ranges and handler.headers.get("If-Range") in (None, site.etag):
        start, status = int(asked.removeprefix("bytes=").removesuffix("-")), 206
        if start >= len(site.content):
            return head(handler, 416, {"Content-Range": f"bytes */{len(site.content)}", "Content-Length": 0})
        extra["Content-Range"] = f"bytes {start}-{len(site.content) - 1}/{len(site.content)}"
    head(handler, status, extra | {"Content-Length": len(site.content) - start})
    if handler.command == "GET":
        handler.wfile.write(site.content[start:])


def cut_after(n_bytes):
    """The whole file promised, the connection closed early."""

    def answer(handler):
        extra = {"ETag": handler.site.etag} if handler.site.etag else {}
        head(handler, 200, extra | {"Content-Length": len(handler.site.content)})
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
