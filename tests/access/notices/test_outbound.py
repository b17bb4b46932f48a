"""X-63: what people type as an address never leads to one of ours."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import trustme

from access.outbound import ANSWER_BYTES, Blocked, Unreached, check_shape, post
from tests.support.receivers import http_service

JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def _as_in_production(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDENTITY_ENDPOINT", raising=False)  # the simulator's, of other tests
    settings.NOTICES_ALLOW_LOOPBACK = False
    settings.NOTICES_HOSTS = []


def names(monkeypatch: pytest.MonkeyPatch, **known: str | list[str]) -> list[str]:
    """A resolver that knows these names (``_`` for ``.``); several addresses come one by one.
    Returns what was asked."""
    asked: list[str] = []
    original = socket.getaddrinfo

    def resolve(host: str, port: Any, *args: Any, **more: Any) -> Any:
        found = known.get(str(host).replace(".", "_"))
        if found is None:
            return original(host, port, *args, **more)
        asked.append(host)
        address = found if isinstance(found, str) else found[min(len(asked), len(found)) - 1]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def blocked(address: str) -> str:
    with pytest.raises(Blocked) as refusal:
        post(address, b"{}", JSON)
    return str(refusal.value)


def test_1_this_machine_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not an IP address" in blocked("https://127.0.0.1/x")
    assert "begin with https" in blocked("http://localhost/x")
    names(monkeypatch, inside_example="127.0.0.1")
    assert "not a public address" in blocked("https://inside.example/x")
    names(monkeypatch, inside_example="::1")
    assert "not a public address" in blocked("https://inside.example/x")


@pytest.mark.parametrize("address", ["169.254.169.254", "168.63.129.16", "fd00:ec2::254"])
def test_2_the_clouds_own_services(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    names(monkeypatch, metadata_example=address)
    assert "not a public address" in blocked("https://metadata.example/latest")


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "::8.8.8.8",
        "2002:7f00:1::", "2001:0:808:808::1",
    ],
)  # fmt: skip
def test_3_an_ipv4_address_in_the_clothes_of_ipv6(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    names(monkeypatch, dressed_example=address)
    assert "not a public address" in blocked("https://dressed.example/x")


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "017700000001", "[::1]",
        "[::ffff:169.254.169.254]", "127.0.0.1.", "①②⑦.0.0.1",
    ],
)  # fmt: skip
def test_4_an_address_written_as_a_number(host: str) -> None:
    blocked(f"https://{host}/x")


def test_5_a_name_that_leads_elsewhere_when_it_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """DNS rebinding: the name is asked once, and what it said then is what is dialled."""
    dialled: list[Any] = []

    def dial(address: Any, *_: Any, **__: Any) -> Any:
        dialled.append(address[0])
        raise OSError("nobody there")

    monkeypatch.setattr("urllib3.util.connection.create_connection", dial)
    asked = names(monkeypatch, rebinds_example=["93.184.216.34", "169.254.169.254"])
    with pytest.raises(Unreached):
        post("https://rebinds.example/x", b"{}", JSON)
    assert asked == ["rebinds.example"]
    assert dialled == ["93.184.216.34"]


def test_6_an_answer_that_sends_us_on(settings: Any) -> None:
    settings.NOTICES_ALLOW_LOOPBACK = True
    with http_service() as second:
        onward = {"Location": second.address}
        with http_service(status=302, headers=onward) as first:
            assert post(first.address, b"{}", JSON).status == 302
        metadata = {"Location": "http://169.254.169.254/metadata/identity/oauth2/token"}
        with http_service(status=307, headers=metadata) as third:
            assert post(third.address, b"{}", JSON).status == 307
        assert second.got == []


@pytest.mark.parametrize(
    "address",
    ["10.0.0.4", "172.16.3.4", "192.168.1.1", "100.64.0.1", "224.0.0.1", "0.0.0.0", "fe80::1",
     "fc00::1", "ff02::1", "192.0.0.170", "255.255.255.255", "198.18.0.1", "fec0::1",
     "192.88.99.1"],
)  # fmt: skip
def test_7_the_private_network(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    names(monkeypatch, private_example=address)
    assert "not a public address" in blocked("https://private.example/x")


def test_8_where_our_tokens_come_from_and_the_headers_that_it_wants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://identity.example:8081/msi/token")
    names(monkeypatch, identity_example="93.184.216.40", friend_example="93.184.216.40")
    assert "not a public address" in blocked("https://friend.example/x")
    for name in ("Metadata", "X-IDENTITY-HEADER", "Host", "Authorization", "Cookie"):
        with pytest.raises(Blocked):
            post("https://elsewhere.example/x", b"{}", {name: "true"})


@pytest.mark.parametrize(
    "address",
    ["https://user@a.example/x", "https://user:pw@a.example/x", "https://a.example/x#f", "file:///x",
     "https:///x", "gopher://a.example/", "https://a.example:99999/", "https://a example/", "ftp://a.b",
     "https://a.example/\r\nX: y", "https://" + "a" * 3000],
)  # fmt: skip
def test_what_is_no_plain_https_address_is_refused_when_it_is_typed(address: str) -> None:
    with pytest.raises(Blocked):
        check_shape(address)


def test_only_hosts_that_the_operator_listed(settings: Any) -> None:
    settings.NOTICES_HOSTS = ["hooks.slack.com", "*.logic.azure.com"]
    check_shape("https://hooks.slack.com/services/x")
    check_shape("https://prod-01.westeurope.logic.azure.com/x")
    for address in ("https://evil.example/x", "https://hooks.slack.com.evil.example/x"):
        with pytest.raises(Blocked):
            check_shape(address)


def test_one_of_several_addresses_that_is_private_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", ("10.0.0.4", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    assert "10.0.0.4" in blocked("https://both.example/x")


def test_no_proxy_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.NOTICES_ALLOW_LOOPBACK = True
    with http_service() as proxy, http_service(status=204, answer=b"") as service:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert post(service.address, b"{}", JSON).status == 204
        assert proxy.got == []


def test_the_certificate_must_be_of_the_name_though_an_address_is_dialled(
    settings: Any, tmp_path: Any
) -> None:
    settings.NOTICES_ALLOW_LOOPBACK = True
    authority = trustme.CA()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    outcomes = {}
    for name in ("localhost", "other.example"):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(tls)
        with http_service(tls=tls) as service:
            for ca in (str(trusted), ""):
                settings.NOTICES_CA_FILE = ca
                try:
                    outcomes[name, bool(ca)] = str(post(service.address, b"{}", JSON).status)
                except Unreached as problem:
                    outcomes[name, bool(ca)] = str(problem)
            heard = len(service.got)
            assert heard == (1 if name == "localhost" else 0)
    refused = "The certificate of localhost was not accepted."
    assert outcomes == {
        ("localhost", True): "200",
        ("localhost", False): refused,
        ("other.example", True): refused,
        ("other.example", False): refused,
    }


def test_of_an_endless_answer_only_the_beginning_is_read(settings: Any) -> None:
    settings.NOTICES_ALLOW_LOOPBACK = True
    with http_service(answer=b"x" * 10 * ANSWER_BYTES) as service:
        assert len(post(service.address, b"{}", JSON).body) == ANSWER_BYTES


def test_who_does_not_answer_is_not_waited_for(settings: Any, monkeypatch: Any) -> None:
    settings.NOTICES_ALLOW_LOOPBACK = True
    monkeypatch.setattr("access.outbound.READ_SECONDS", 0.2)
    with http_service(wait=1.0) as service, pytest.raises(Unreached) as problem:
        post(service.address, b"{}", JSON)
    assert "did not answer within" in str(problem.value)
    assert "secret-path" not in str(problem.value)


BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n"


@pytest.mark.parametrize("said", [b"", BEGUN + b"X: ", BEGUN + b"\r\n"])
def test_who_talks_for_ever_is_hung_up_on(settings: Any, monkeypatch: Any, said: bytes) -> None:
    """A byte now and then, before, in or after the headers, would keep a worker for hours, and two
    such endpoints would keep every notice back."""
    settings.NOTICES_ALLOW_LOOPBACK = True
    monkeypatch.setattr("access.outbound.ANSWER_SECONDS", 0.6)
    with talking(said) as port:
        started = time.monotonic()
        if said:
            assert post(f"http://localhost:{port}/x", b"{}", JSON).status == 200
        else:
            with pytest.raises(Unreached, match="localhost did not answer"):
                post(f"http://localhost:{port}/x", b"{}", JSON)
        assert time.monotonic() - started < 2.0


@contextmanager
def talking(said: bytes) -> Iterator[int]:
    """Takes one connection, says this and then a byte every 50 ms for ten seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            taken, _ = server.accept()
            with taken, suppress(OSError):
                taken.recv(65536)
                taken.sendall(said)
                for _ in range(200):
                    taken.sendall(b"x")
                    time.sleep(0.05)

        thread = threading.Thread(target=talk)
        thread.start()
        yield server.getsockname()[1]
        thread.join()
