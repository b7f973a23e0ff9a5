"""Steps of a browser's login that may be requested twice: by a double click, a prefetch, a reload or a lost response.

The session cookie proves that it is the same browser: scripts cannot read it, and the callback's URL does not contain
it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any

from allauth.account.internal.stagekit import (
    clear_login,
    get_pending_stage,
    redirect_to_pending_stage,
    unstash_login,
)
from allauth.mfa.base import views as mfa_views
from allauth.socialaccount.internal.statekit import STATES_SESSION_KEY, get_states
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from accounts import discord
from accounts.adapter import refuse_login, state_invalid
from accounts.domain.codes import forget_tokens
from accounts.domain.once import StepSpent, take_once
from accounts.errors import CodeRefused, Crowded, LoginRefused
from accounts.provider import DiscordAdapter
from accounts.session_store import SessionStore

FINISHED = "finished_login"  # in the session: [hash of the state, hash of the code, URL it redirected to]

_view = OAuth2CallbackView.adapter_view(DiscordAdapter)


class _NoRedirect(Exception):
    """The step did not succeed: the response is a page, which is rendered again each time."""

    def __init__(self, response: HttpResponseBase) -> None:
        self.response = response


def finish_login(request: HttpRequest) -> HttpResponseBase:
    """Handle Discord's redirect once, and repeat the response to the browser that lost it.

    If the login was finished earlier, redirect a person who is logged in. Raises LoginRefused, or a DiscordError after
    which the same request may succeed.
    """
    state, returned = request.GET.get("state", ""), [request.GET.get(name, "") for name in ("code", "error")]
    try:
        answer, acted = take_once(
            "callback",
            state,
            proof=(_browser(request), *returned),
            act=lambda: _finish(request, state),
            may_begin=lambda: state in (_session(request).get(STATES_SESSION_KEY) or {}),
        )
    except StepSpent:
        return _go_on(request, state)
    except UpdateError as error:
        raise _interrupted(request) from error
    return _redirect(request, json.loads(answer), acted=acted)


def second_factor(request: HttpRequest) -> HttpResponseBase:
    """Show allauth's page that asks for a code. The account may have been deleted or closed in the meantime."""
    login = unstash_login(request, peek=True)
    if login is not None and (login.user is None or not login.user.is_active):
        clear_login(request)
    # A successful login fetches the person's guilds from Discord.
    with discord.turn() if request.method == "POST" else nullcontext():
        response: HttpResponseBase = mfa_views.authenticate(request)
    return response


def sent_once[**P](view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
    """Make a form view process each rendered form once and repeat its response. The view redirects on success."""

    @wraps(view)
    def send(*args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        request = args[0]
        assert isinstance(request, HttpRequest)
        if request.method != "POST":
            return view(*args, **kwargs)

        def act() -> str:
            request.session = _session(request)
            response = view(*args, **kwargs)
            if not isinstance(response, HttpResponseRedirect):
                raise _NoRedirect(response)
            return _answer_of(request, response)

        try:
            answer, acted = take_once(
                request.get_full_path(),
                _browser(request),
                request.POST.urlencode(),
                proof=(),
                act=act,
                may_begin=lambda: not request.session.is_empty(),
            )
            return _redirect(request, json.loads(answer), acted=acted)
        except _NoRedirect as error:
            return error.response
        except (StepSpent, LoginRefused):  # too late, or logged out since
            return view(*args, **kwargs)
        except Crowded as error:
            return refuse_login(request, error)
        except UpdateError:
            return refuse_login(request, _interrupted(request))

    return send


def _browser(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")


def _session(request: HttpRequest) -> SessionStore:
    """Return the browser's session as stored now: a request that waited for another one may hold an old copy."""
    return SessionStore(_browser(request))


def _interrupted(request: HttpRequest) -> LoginRefused:
    """Return the refusal for a session that another tab ended during the step, and keep the middleware from saving."""
    request.session = SessionStore()
    return state_invalid()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _finish(request: HttpRequest, state: str) -> str:
    """Let allauth finish the login. When Discord fails, keep the state, so that a reload tries again."""
    request.session = _session(request)
    begun = get_states(request).get(state)
    try:
        with discord.turn():
            response = _view(request)
    except (LoginRefused, CodeRefused) as error:
        _forget_tokens(request, begun)
        return json.dumps({"refused": [error.status, error.code, str(error)]})
    except Exception:  # Discord's failure, or the database's
        if begun is not None:
            request.session[STATES_SESSION_KEY] = get_states(request) | {state: begun}
            request.session.save()
        raise
    where = (begun[0].get("next") if begun else None) or settings.LOGIN_REDIRECT_URL
    request.session[FINISHED] = [_hash(state), _hash(request.GET.get("code", "")), where]
    answer = _answer_of(request, response)
    _forget_tokens(request, begun)
    return answer


def _forget_tokens(request: HttpRequest, begun: list[Any] | None) -> None:
    forget_tokens(
        code=request.GET.get("code", ""),
        redirect_uri=settings.DISCORD_REDIRECT_URI,
        code_verifier=begun[0].get("pkce_code_verifier", "") if begun else "",
    )


def _answer_of(request: HttpRequest, response: HttpResponseBase) -> str:
    # Save now: when the browser has disconnected, Django stops before its middleware saves the session.
    request.session.save()
    return json.dumps({"session": request.session.session_key, "to": response["Location"]})


def _redirect(request: HttpRequest, answer: dict[str, Any], *, acted: bool) -> HttpResponseBase:
    """Redirect with the session that the first response set. Raises LoginRefused."""
    if "refused" in answer:
        raise LoginRefused(*answer["refused"])
    if not acted:
        session = SessionStore(answer["session"])
        if not session.exists(answer["session"]):  # logged out since
            raise state_invalid()
        request.session = session
        request.session.modified = True  # so that its cookie is set
    return HttpResponseRedirect(answer["to"])


def _go_on(request: HttpRequest, state: str) -> HttpResponseBase:
    """Redirect a person who is logged in, or who only has to enter a second factor. Raises LoginRefused."""
    known, code, where = request.session.get(FINISHED) or ("", "", "")
    if known == _hash(state) and code != _hash(request.GET.get("code", "")):
        raise state_invalid()
    if request.user.is_authenticated:
        return HttpResponseRedirect(where if known == _hash(state) else settings.LOGIN_REDIRECT_URL)
    stage = get_pending_stage(request)
    if stage is None:
        raise state_invalid()
    pending: HttpResponseBase = redirect_to_pending_stage(request, stage)
    return pending
