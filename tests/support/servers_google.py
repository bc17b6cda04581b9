"""fake-gcs-server through scripts/brokers, what a test asks of it by Google's own client, and who gives out tokens."""

import http.server
import json
import subprocess
import threading
import urllib.parse
import uuid

from google.auth import jwt
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from .servers import Server

EMAIL = "tester@shop.iam.gserviceaccount.com"


def new_private_key():
    """In PEM, as the file of a service account has it."""
    return subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], capture_output=True, text=True,
                          check=True).stdout


class FakeGcs(Server):
    """One server in `folder`. After kill() or stop() it is started again on the same ports with what it holds."""

    def __init__(self, folder, start=True):
        super().__init__("fake-gcs", folder, start)

    @property
    def url(self):
        return f"http://{self.address('plain')}"

    @property
    def client(self):
        return storage.Client(project="shop", credentials=AnonymousCredentials(), client_options={"api_endpoint": self.url})

    def make_bucket(self, name=None):
        return self.client.create_bucket(name or f"b-{uuid.uuid4().hex[:12]}")


class Tokens:
    """Gives out tokens on `url` for assertions that Google's own library finds good; the key is in `fields`, and in
    `account` as a file of it has it."""

    def __init__(self, folder):
        key, certificate = folder / "key.pem", folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tester", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        self.key = key.read_text()
        self.given, self.refused = [], []
        outer, signer = self, certificate.read_text()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
                try:
                    claims = jwt.decode(form["assertion"], certs={"kid1": signer}, audience=outer.url)
                    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
                    assert claims["iss"] == EMAIL and claims["scope"] and claims["exp"] - claims["iat"] <= 3600
                    token = f"planted-token-{len(outer.given) + 1}"
                    outer.given.append(token)
                    status, body = 200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}
                except (AssertionError, KeyError, ValueError) as error:
                    outer.refused.append(str(error))
                    status, body = 400, {"error": "invalid_grant", "error_description": f"Invalid JWT: {type(error).__name__}"}
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def fields(self):
        return {"type": "service_account", "projectID": "shop", "privateKeyID": "kid1", "privateKey": self.key, "clientEmail": EMAIL,
                "tokenURI": self.url}

    @property
    def account(self):
        return {"type": "service_account", "project_id": "shop", "private_key_id": "kid1", "private_key": self.key, "client_email": EMAIL,
                "token_uri": self.url}

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
