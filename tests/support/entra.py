"""A token endpoint as Microsoft Entra ID's, whose tokens Kafka of scripts/brokers believes."""

import base64
import http.server
import json
import pathlib
import subprocess
import threading
import time
import urllib.parse


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Entra:
    """Answers on `url`: POST of an application's secret or assertion, GET of a machine's identity. What came is in `forms`."""

    def __init__(self, kafka, lifetime=3600):
        self._key = pathlib.Path(kafka.state["tls"]) / "token.key"
        self.lifetime = lifetime
        self.fails = False
        self.audience = "https://shop.servicebus.windows.net"
        self.forms = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self, form):
                outer.forms.append({"path": self.path, **form})
                status, body = outer._reply()
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self._answer(dict(urllib.parse.parse_qsl(body)))

            def do_GET(self):
                self._answer(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query)))

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _reply(self):
        if self.fails:
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
        return 200, {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": self.token()}

    def token(self):
        now = int(time.time())
        parts = [{"alg": "RS256", "kid": "test", "typ": "JWT"},
                 {"iss": "https://sts.windows.net/tenant/", "sub": "shop", "aud": self.audience, "scope": "kafka",
                  "iat": now, "exp": now + self.lifetime}]
        text = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self._key], input=text.encode(), capture_output=True, check=True)
        return f"{text}.{_base64url(signed.stdout)}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
