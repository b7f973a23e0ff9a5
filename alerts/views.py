"""`/api/guilds/{id}/alert-rules`: a guild's alert rules, for its managers."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from alerts.domain.rules import (
    add_rule,
    change_rule,
    check_rule,
    remove_rule,
    rule_shapes,
    rules_of,
)
from alerts.errors import AlertRuleNotFound
from alerts.models import AlertRule
from alerts.serializers import AlertRuleSerializer
from guilds.models import Membership
from guilds.permissions import require_manager
from realtime.models import Via
from realtime.origin import Origin


def _body(request: Request) -> dict[str, object]:
    return dict(request.data) if isinstance(request.data, dict) else {}


def _origin(request: Request) -> Origin:
    return Origin(user=caller(request), via=Via.REST)


def _one(rule: AlertRule, membership: Membership) -> dict[str, object]:
    return rule_shapes([rule], membership.guild)[0]


def _rule_id(text: str) -> uuid.UUID:
    """Parse a rule's id. Raises AlertRuleNotFound if it is malformed."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise AlertRuleNotFound from None


class AlertRuleListView(APIView):
    @extend_schema(responses=AlertRuleSerializer(many=True))
    def get(self, request: Request, guild_id: str) -> Response:
        membership = require_manager(caller(request), guild_id)
        return Response(rule_shapes(rules_of(guild_id), membership.guild))

    @extend_schema(request=AlertRuleSerializer, responses={201: AlertRuleSerializer})
    def post(self, request: Request, guild_id: str) -> Response:
        """Add a rule. The caller must be allowed to read the stream, and the bot must know the channel."""
        membership = require_manager(caller(request), guild_id)  # before any error about the body
        fields = check_rule(_body(request), whole=True)
        rule = add_rule(guild_id, origin=_origin(request), **fields)
        return Response(_one(rule, membership), status=status.HTTP_201_CREATED)


class AlertRuleView(APIView):
    @extend_schema(responses=AlertRuleSerializer)
    def get(self, request: Request, guild_id: str, rule_id: str) -> Response:
        membership = require_manager(caller(request), guild_id)
        rule = (
            AlertRule.objects.filter(guild_id=guild_id, pk=_rule_id(rule_id)).select_related("author").first()
        )
        if rule is None:
            raise AlertRuleNotFound
        return Response(_one(rule, membership))

    @extend_schema(request=AlertRuleSerializer(partial=True), responses=AlertRuleSerializer)
    def patch(self, request: Request, guild_id: str, rule_id: str) -> Response:
        """Change only the fields in the body. Posts that were held after a refusal by Discord are retried."""
        membership = require_manager(caller(request), guild_id)
        changes = check_rule(_body(request), whole=False)
        rule = change_rule(guild_id, _rule_id(rule_id), origin=_origin(request), **changes)
        return Response(_one(rule, membership))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, guild_id: str, rule_id: str) -> Response:
        require_manager(caller(request), guild_id)
        remove_rule(guild_id, _rule_id(rule_id), origin=_origin(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
