"""Who may use the API."""

import socket
from pathlib import Path

import pytest
from werkzeug.datastructures import Headers

from p2pnode.api.http.access import Access, load_access
from p2pnode.api.http.server import bound
from p2pnode.config_api import ApiConfig
from p2pnode.errors import ConfigError
from p2pnode.tokens import read_tokens

TOKEN = "a-token-of-some-length"
HERE = {"Host": "127.0.0.1:8420"}


def refused(access: Access, headers: dict[str, str], cookie: str | None = None, changes: bool = True) -> bool:
    return access.problem(Headers({**HERE, **headers}), cookie, changes=changes) is not None


def test_a_token_is_needed_and_only_the_right_one_will_do() -> None:
    access = Access((TOKEN, "another-token-of-length"))
    assert refused(access, {})
    assert refused(access, {"Authorization": f"Bearer {TOKEN}x"})
    assert refused(access, {"Authorization": f"Basic {TOKEN}"})
    assert refused(access, {"Authorization": "Bearer "})
    assert not refused(access, {"Authorization": f"Bearer {TOKEN}"})
    assert not refused(access, {"Authorization": "bearer another-token-of-length"})


def test_a_cookie_does_not_let_another_site_spend() -> None:
    access, foreign = Access((TOKEN,)), {"Origin": "https://evil.example"}
    assert not refused(access, {"Origin": "http://127.0.0.1:8420"}, TOKEN)
    assert not refused(access, {}, TOKEN)
    assert refused(access, foreign, TOKEN)
    assert refused(access, {}, "wrong")


@pytest.mark.parametrize("host", ["127.0.0.1:8420", "localhost:8420", "[::1]:8420"])
def test_an_open_api_answers_this_machine(host: str) -> None:
    assert not refused(Access(()), {"Host": host})


def test_an_open_api_is_safe_from_pages_and_rebound_names() -> None:
    assert refused(Access(()), {"Host": "evil.example"})
    assert refused(Access(()), {"Origin": "https://evil.example"})


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7", "::"])
def test_an_open_api_is_never_served_to_other_machines(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"api\.open"):
        load_access(ApiConfig(open=True, token_file=tmp_path / "t"), address)
    assert load_access(ApiConfig(open=True), "127.0.0.1").is_open
    assert not load_access(ApiConfig(token_file=tmp_path / "t"), address).is_open


def test_the_first_start_makes_a_token_that_only_the_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "made" / "api.token"
    access = load_access(ApiConfig(token_file=path), "127.0.0.1")
    (token,) = read_tokens(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(token) > 40
    assert access.knows(token)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_tokens(path)


@pytest.mark.parametrize("text", ["", "# nothing\n", "short\n"])
def test_a_token_file_without_a_good_token_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="token"):
        read_tokens(path)


def test_an_address_in_use_is_refused_with_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"api\.listen 127\.0\.0\.1:{port}.*choose another port"):
            bound("127.0.0.1", port)
    bound("127.0.0.1", port).close()
