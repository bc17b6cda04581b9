"""An HTTP server on a socket in the file system that answers with what it was asked; nginx stands in front of it.

/raw gives the body back, /status/CODE answers with that code, /size/BYTES with so many bytes, /slow waits until the client has
gone, /cut ends in the middle of the body, /redirect/CODE sends to /; everything else is answered with the request as JSON.
"""

import base64
import json
import socketserver
import sys
from http.server import BaseHTTPRequestHandler


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-twice", "a")
        self.send_header("x-twice", "b")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self):
        body = self.body()
        word, _, rest = self.path.partition("?")[0].strip("/").partition("/")
        if word == "raw":
            self.answer(200, body, content_type="application/octet-stream")
        elif word == "status":
            self.answer(int(rest), b"what is wrong", content_type="text/plain")
        elif word == "size":
            self.answer(200, b"x" * int(rest))
        elif word == "redirect":
            self.answer(int(rest), b"", location="/")
        elif word == "slow":
            # Ends when nginx closes, which it does when its client has gone.
            self.rfile.read(1)
            self.close_connection = True
        elif word == "cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")
            self.close_connection = True
        else:
            asked = {"method": self.command, "path": self.path, "headers": list(self.headers.items()), "body": base64.b64encode(body).decode()}
            self.answer(200, json.dumps(asked).encode(), content_type="application/json")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = serve


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 256

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("unix", 0)


if __name__ == "__main__":
    Server(sys.argv[1], Handler).serve_forever()
