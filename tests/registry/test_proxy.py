"""nginx as deploy/nginx/nginx.conf sets it, in front of a server that notes what reaches it."""

import http.client
import json
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

from registry import children, embedded_postgres

PROGRAM = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
DEPLOY = settings.BASE_DIR / "deploy" / "nginx"
CLAIM = "97e45c79-04c6-4233-841e-84623d68923d"

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed (package nginx-light)")


class Upstream(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((embedded_postgres.HOST, 0), Noting)
        self.reached: list[tuple[str, dict[str, str], int]] = []


class Noting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        left = size = int(self.headers.get("Content-Length", 0))
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self.server.reached.append((self.path, dict(self.headers.items()), size))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Proxy:
    def __init__(self, port: int, plain_port: int, folder: Path, upstream: Upstream) -> None:
        self.port, self.plain_port, self.folder, self.upstream = port, plain_port, folder, upstream

    def connect(self) -> http.client.HTTPSConnection:
        unchecked = ssl._create_unverified_context()  # noqa: S323 - a certificate of our own
        return http.client.HTTPSConnection(embedded_postgres.HOST, self.port, context=unchecked, timeout=20)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
        with closing(self.connect()) as connection:
            connection.request(method, path, body, {"Host": "claims.example.org", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    folder = Path(tempfile.mkdtemp(prefix="registry-proxy-"))
    folder.chmod(0o755)  # as root, nginx gives its work to nobody
    upstream = Upstream()
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port, plain_port = embedded_postgres.free_port(), embedded_postgres.free_port()
    (folder / "spool").mkdir(mode=0o777)
    (folder / "spool").chmod(0o777)
    shutil.copy(DEPLOY / "unavailable.html", folder)
    write_certificate(folder)
    changes = {
        "/tmp/": f"{folder}/",  # noqa: S108 - first: our own folder may lie in /tmp
        "/run/secrets/tls-certificate": f"{folder}/certificate.pem",
        "/run/secrets/tls-key": f"{folder}/key.pem",
        "/var/spool/registry": f"{folder}/spool",
        "/usr/share/registry": str(folder),
        "web:8000": f"{embedded_postgres.HOST}:{upstream.server_port}",
        "listen 8443": f"listen {embedded_postgres.HOST}:{port}",
        "listen 8080": f"listen {embedded_postgres.HOST}:{plain_port}",
        "worker_processes 2": "worker_processes 1",
    }
    configuration = (DEPLOY / "nginx.conf").read_text()
    for written, here in changes.items():
        assert written in configuration, written
        configuration = configuration.replace(written, here)
    (folder / "nginx.conf").write_text(configuration)
    command = [str(PROGRAM), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    with (folder / "log").open("wb") as log:
        process = children.spawn(command, output=log)
    try:
        deadline = time.monotonic() + 10
        while embedded_postgres.port_is_free(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield Proxy(port, plain_port, folder, upstream)
    finally:
        process.terminate()
        process.wait(20)
        upstream.shutdown()
        upstream.server_close()
        shutil.rmtree(folder)


def write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "claims.example.org")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def test_what_a_visitor_claims_about_the_way_is_replaced(proxy: Proxy):
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "X-Request-ID": "forged-forged"}
    assert proxy.ask("GET", "/claims/?a=b", **forged) == (200, "ok")
    path, headers, _size = proxy.upstream.reached[-1]
    assert path == "/claims/?a=b"
    assert headers["X-Forwarded-For"] == embedded_postgres.HOST
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["Host"] == "claims.example.org"
    assert re.fullmatch("[0-9a-f]{32}", headers["X-Request-ID"])


def test_plain_http_leads_to_https(proxy: Proxy):
    with closing(http.client.HTTPConnection(embedded_postgres.HOST, proxy.plain_port, timeout=20)) as plain:
        plain.request("GET", "/claims/", headers={"Host": "claims.example.org"})
        answer = plain.getresponse()
        assert (answer.status, answer.headers["Location"]) == (308, "https://claims.example.org/claims/")


def test_large_bodies_are_taken_for_evidence_alone(proxy: Proxy):
    body = bytes(9 * 1024 * 1024)
    assert proxy.ask("POST", "/claims/", body)[0] == 413
    for path in (f"/claims/{CLAIM}/evidence/add/", f"/claims/{CLAIM}/requests/{CLAIM}/"):
        assert proxy.ask("POST", path, body)[0] == 200
        assert proxy.upstream.reached[-1][2] == len(body)


def test_a_slow_upload_reaches_the_web_server_once_it_is_whole(proxy: Proxy):
    path = f"/claims/{CLAIM}/evidence/add/"
    before = len(proxy.upstream.reached)
    with closing(proxy.connect()) as slow:
        slow.putrequest("POST", path)
        slow.putheader("Content-Length", "200000")
        slow.endheaders()
        slow.send(bytes(100_000))
        time.sleep(0.3)
        assert len(proxy.upstream.reached) == before
        slow.send(bytes(100_000))
        assert slow.getresponse().status == 200
    assert proxy.upstream.reached[before][2] == 200_000


def test_its_lines_tell_no_path_and_no_address(proxy: Proxy):
    proxy.ask("GET", "/account/confirm/a-token-of-olena/?name=olena")
    deadline = time.monotonic() + 5
    while not proxy.log() and time.monotonic() < deadline:
        time.sleep(0.05)
    lines = [json.loads(line) for line in proxy.log().splitlines()]
    assert {"request_id", "method", "status", "seconds"} <= set(lines[-1])
    for secret in ("olena", embedded_postgres.HOST, "claims"):
        assert secret not in proxy.log()


def test_a_web_server_that_is_away_is_told_in_words(proxy: Proxy):
    """The last test: it takes the web server away."""
    proxy.upstream.shutdown()
    proxy.upstream.server_close()
    status, page = proxy.ask("GET", "/claims/")
    assert status == 502
    assert "Реєстр тимчасово недоступний" in page
    assert "unavailable for a moment" in page
