"""Where credentials come from, as a test needs them."""

import datetime
import http.server
import pathlib
import ssl
import subprocess
import threading
import urllib.parse

HOST = "sts.us-east-1.amazonaws.com"


class FakeSts:
    """STS behind a proxy: whatever address a CONNECT names, the answer comes from here, with a certificate for STS."""

    def __init__(self, folder, keys, lasting=3600):
        self.keys, self.lasting = keys, lasting
        self.asked = []
        folder = pathlib.Path(folder)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}",
                        "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", folder / "sts.key", "-out", folder / "sts.pem"],
                       check=True, capture_output=True)
        self.ca = (folder / "sts.pem").read_text()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "sts.pem", folder / "sts.key")
        sts = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self):
                self.send_response_only(200)
                self.end_headers()
                self.connection = sts._context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                asked = dict(urllib.parse.parse_qsl(body))
                sts.asked.append(asked)
                answer = sts._answer(asked["Action"]).encode()
                self.send_response_only(200)
                self.send_header("content-type", "text/xml")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.proxy = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def _answer(self, action):
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.lasting)
        return (f"<{action}Response><{action}Result><Credentials><AccessKeyId>{self.keys['accessKey']}</AccessKeyId>"
                f"<SecretAccessKey>{self.keys['secretKey']}</SecretAccessKey><SessionToken></SessionToken>"
                f"<Expiration>{until:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials></{action}Result></{action}Response>")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
