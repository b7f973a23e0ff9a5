from pathlib import Path

import httpx
import pytest

from sandbox.server import Sandbox

PATHS = ("/", "/_sandbox/state", "/oauth2/authorize", "/api/v10/gateway", "/gateway", "/static/sandbox.css")


@pytest.mark.parametrize("path", PATHS)
async def test_a_rebound_host_name_is_refused(http: httpx.AsyncClient, path: str) -> None:
    for host in ("evil.example", "evil.example:1339", "127.0.0.1", "localhost:1"):
        assert (await http.get(path, headers={"Host": host})).status_code == 421


@pytest.mark.parametrize("path", PATHS)
async def test_another_site_is_refused(http: httpx.AsyncClient, path: str) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1337"):
        assert (await http.get(path, headers={"Origin": origin})).status_code == 403


async def test_its_own_pages_are_let_in(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    for name in ("127.0.0.1", "localhost"):
        headers = {"Host": f"{name}:{sandbox.port}", "Origin": f"http://{name}:{sandbox.port}"}
        assert (await http.get("/_sandbox/state", headers=headers)).status_code == 200


def test_only_loopback_is_listened_on(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "192.168.1.4", "::"):
        with pytest.raises(ValueError, match="loopback"):
            Sandbox(data_dir=tmp_path, host=host)


async def test_unknown_api_paths_answer_in_discords_shape(http: httpx.AsyncClient) -> None:
    missing = await http.get("/api/v10/nothing/here")
    assert (missing.status_code, missing.json()) == (404, {"message": "404: Not Found", "code": 0})
    wrong_method = await http.delete("/api/v10/gateway")
    assert (wrong_method.status_code, wrong_method.json()["code"]) == (405, 0)
