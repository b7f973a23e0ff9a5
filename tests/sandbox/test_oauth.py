import base64
import hashlib
import re
import secrets
from urllib.parse import parse_qs, urlsplit

import httpx

from sandbox.seed import JUNIPER, LOUNGE
from sandbox.server import Sandbox

from .conftest import REDIRECT_URI


def query(sandbox: Sandbox, **changes: str | None) -> dict[str, str]:
    parameters: dict[str, str | None] = {
        "client_id": sandbox.credentials.client_id,
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": "identify guilds",
        "state": "some-state",
        **changes,
    }
    return {name: value for name, value in parameters.items() if value is not None}


async def approve(
    http: httpx.AsyncClient, parameters: dict[str, str], user: str = "owner"
) -> dict[str, list[str]]:
    answer = await http.post("/oauth2/authorize", params=parameters, data={"user": user})
    assert answer.status_code == 302, answer.text
    assert answer.headers["location"].startswith(REDIRECT_URI + "?")
    return parse_qs(urlsplit(answer.headers["location"]).query)


async def trade(
    sandbox: Sandbox, http: httpx.AsyncClient, code: str, path: str = "/api/v10/oauth2/token", **fields: str
) -> httpx.Response:
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI, **fields}
    auth = (sandbox.credentials.client_id, sandbox.credentials.client_secret)
    return await http.post(path, data=data, auth=auth)


async def log_in(sandbox: Sandbox, http: httpx.AsyncClient, user: str) -> dict[str, str]:
    answer = await approve(http, query(sandbox), user)
    tokens = (await trade(sandbox, http, answer["code"][0])).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_a_person_logs_in_with_pkce_and_the_code_works_once(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = query(sandbox, code_challenge=challenge, code_challenge_method="S256")
    page = await http.get("/oauth2/authorize", params=asked)
    assert page.status_code == 200
    assert "form-action 'self' http://127.0.0.1:1337" in page.headers["content-security-policy"]

    answer = await approve(http, asked)
    assert answer["state"] == ["some-state"]
    issued = await trade(sandbox, http, answer["code"][0], code_verifier=verifier)
    assert issued.status_code == 200
    assert issued.json()["token_type"] == "Bearer"
    assert issued.json()["scope"] == "identify guilds"

    replayed = await trade(sandbox, http, answer["code"][0], code_verifier=verifier)
    assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")


async def test_a_wrong_or_missing_verifier_is_refused(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    asked = query(sandbox, code_challenge="x" * 43, code_challenge_method="S256")
    for fields in ({"code_verifier": "wrong"}, {}):
        code = (await approve(http, asked))["code"][0]
        answer = await trade(sandbox, http, code, **fields)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_the_consent_form_posts_back_to_where_it_came_from(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    page = await http.get("/oauth2/authorize", params=query(sandbox, state='a"b&c'))
    action = re.search(r'action="([^"]+)"', page.text)
    assert action is not None
    answer = await http.post(action[1].replace("&amp;", "&"), data={"user": "dj"})
    assert parse_qs(urlsplit(answer.headers["location"]).query)["state"] == ['a"b&c']


async def test_denial_goes_back_with_access_denied(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    answer = await http.post("/oauth2/authorize", params=query(sandbox), data={"deny": "1"})
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (back["error"], back["state"]) == (["access_denied"], ["some-state"])


async def test_a_wrong_client_or_redirect_is_never_redirected(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    for change in (
        {"redirect_uri": "http://127.0.0.1:1337/elsewhere"},
        {"redirect_uri": REDIRECT_URI + "/"},
        {"redirect_uri": None},
        {"client_id": "1"},
        {"redirect_uri": "https://evil.example/", "scope": "nonsense"},
    ):
        answer = await http.post("/oauth2/authorize", params=query(sandbox, **change), data={"user": "owner"})
        assert answer.status_code == 400, change
        assert "location" not in answer.headers


async def test_an_unknown_scope_or_response_type_goes_back_as_an_error(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    for change, error in (
        ({"scope": "identify root"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported"),
    ):
        answer = await http.get("/oauth2/authorize", params=query(sandbox, **change))
        assert answer.status_code == 302
        assert parse_qs(urlsplit(answer.headers["location"]).query)["error"][0].startswith(error)


async def test_the_client_must_prove_itself_by_header_or_body(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    code = (await approve(http, query(sandbox)))["code"][0]
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    wrong = await http.post("/api/oauth2/token", data=fields, auth=(sandbox.credentials.client_id, "wrong"))
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
    identity = {
        "client_id": sandbox.credentials.client_id,
        "client_secret": sandbox.credentials.client_secret,
    }
    assert (await http.post("/api/oauth2/token", data=fields | identity)).status_code == 200


async def test_refreshing_rotates_and_revoking_ends(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    code = (await approve(http, query(sandbox)))["code"][0]
    first = (await trade(sandbox, http, code)).json()
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    auth = (sandbox.credentials.client_id, sandbox.credentials.client_secret)
    second = (await http.post("/api/v10/oauth2/token", data=again, auth=auth)).json()
    spent = await http.post("/api/v10/oauth2/token", data=again, auth=auth)
    assert (spent.status_code, spent.json()["error"]) == (400, "invalid_grant")

    def me(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    assert (await http.get("/api/v10/users/@me", headers=me(first["access_token"]))).status_code == 401
    assert (await http.get("/api/v10/users/@me", headers=me(second["access_token"]))).status_code == 200
    revoked = await http.post(
        "/api/v10/oauth2/token/revoke", data={"token": second["access_token"]}, auth=auth
    )
    assert revoked.status_code == 200
    assert (await http.get("/api/v10/users/@me", headers=me(second["access_token"]))).status_code == 401


async def test_each_person_sees_their_own_guilds(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    seen = {}
    for user in ("owner", "dj", "member", "outsider"):
        headers = await log_in(sandbox, http, user)
        me = (await http.get("/api/v10/users/@me", headers=headers)).json()
        assert me["username"] == user
        guilds = (await http.get("/api/v10/users/@me/guilds?with_counts=true", headers=headers)).json()
        seen[user] = {guild["id"]: guild["owner"] for guild in guilds}
        authorization = (await http.get("/api/v10/oauth2/@me", headers=headers)).json()
        assert authorization["user"]["id"] == me["id"]
    assert seen == {
        "owner": {LOUNGE: True, JUNIPER: True},
        "dj": {LOUNGE: False},
        "member": {LOUNGE: False},
        "outsider": {},
    }


async def test_a_token_without_the_scope_is_refused(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    headers = await log_in(sandbox, http, "owner")
    answer = await http.get(f"/api/v10/users/@me/guilds/{LOUNGE}/member", headers=headers)
    assert answer.status_code == 401


async def test_only_who_manages_a_guild_installs_the_bot(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    invite = {
        "client_id": sandbox.credentials.client_id,
        "scope": "bot applications.commands",
        "permissions": "3329024",
        "guild_id": JUNIPER,
        "disable_guild_select": "true",
    }
    refused = await http.post("/oauth2/authorize", params=invite, data={"user": "dj"})
    assert refused.status_code == 400
    assert not sandbox.world.bot_installed(JUNIPER)

    assert (await http.get("/oauth2/authorize", params=invite)).status_code == 200
    approved = await http.post("/oauth2/authorize", params=invite, data={"user": "owner"})
    assert approved.status_code == 200
    assert sandbox.world.bot_installed(JUNIPER)
    role = next(role for role in sandbox.world.guild_roles(JUNIPER) if role.bot_id)
    assert role.permissions == 3329024


async def test_an_install_with_a_login_comes_back_with_code_and_guild(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    asked = query(sandbox, scope="identify bot", guild_id=JUNIPER, permissions="3329024")
    back = await approve(http, asked)
    assert (back["guild_id"], back["permissions"]) == ([JUNIPER], ["3329024"])
    issued = await trade(sandbox, http, back["code"][0])
    assert issued.json()["guild"]["id"] == JUNIPER
