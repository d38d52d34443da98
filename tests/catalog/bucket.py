"""A bucket that speaks as much of S3 as the shop needs, in memory and on loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

OLD = "Wed, 01 Jan 2025 00:00:00 GMT"


@dataclass
class Bucket:
    address: str = ""
    objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)  # by key: bytes, headers
    requests: list[str] = field(default_factory=list)
    is_away: bool = False


@contextmanager
def serving(name: str) -> Iterator[Bucket]:
    bucket = Bucket()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for header, value in {
                "ETag": '"0"',
                "Last-Modified": OLD,
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(header.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def handle_any(self) -> None:
            path = urlsplit(self.path)
            key = unquote(path.path).removeprefix(f"/{name}").removeprefix("/")
            body = self.read_body()
            bucket.requests.append(f"{self.command} {key}")
            if bucket.is_away:
                self.answer(503)
            elif self.command == "PUT":
                bucket.objects[key] = (body, {header.lower(): value for header, value in self.headers.items()})
                self.answer(200)
            elif self.command == "DELETE":
                bucket.objects.pop(key, None)
                self.answer(204)
            elif not key:
                prefix = parse_qs(path.query).get("prefix", [""])[0]
                found = sorted(one for one in bucket.objects if one.startswith(prefix))
                rows = "".join(f"<Contents><Key>{escape(one)}</Key><Size>1</Size></Contents>" for one in found)
                text = f"<ListBucketResult><Name>{name}</Name><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
                self.answer(200, text.encode(), Content_Type="application/xml")
            elif key in bucket.objects:
                self.answer(200, bucket.objects[key][0])
            else:
                self.answer(404)

        def read_body(self) -> bytes:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
                return body
            plain = b""
            while body:
                size, _, body = body.partition(b"\r\n")
                length = int(size.partition(b";")[0], 16)
                if not length:
                    break
                plain, body = plain + body[:length], body[length + 2 :]
            return plain

        do_GET = do_HEAD = do_PUT = do_DELETE = handle_any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    bucket.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
