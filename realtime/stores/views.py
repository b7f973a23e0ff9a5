"""`/api/stores`: the stores of the caller's apps, their members, and their sync tokens."""

from __future__ import annotations

import uuid
from functools import partial

from django.db.models import Q
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from accounts.models import User
from accounts.serializers import DeviceTokenSerializer
from accounts.shapes import token_shape
from realtime.domain import stores
from realtime.errors import Forbidden, StoreNotFound
from realtime.models import Store
from realtime.new_token import describe_new_token, new_token
from realtime.stores.serializers import (
    StoreChangeSerializer,
    StoreCreateSerializer,
    StoreMemberRequestSerializer,
    StoreMemberSerializer,
    StoreSerializer,
)
from realtime.stores.shapes import member_shape, store_shape

_STORES = Store.objects.filter(name__startswith="app:").select_related("owner").prefetch_related("members")


def _readable(user: User, name: str) -> Store:
    """Raises StoreNotFound, also for other people's stores, so that nobody learns which names exist."""
    store = _STORES.filter(name=f"app:{name}").first()
    if store is None or not stores.may_read(user, store):
        raise StoreNotFound
    return store


def _owned(user: User, name: str) -> Store:
    """Raises StoreNotFound, or Forbidden for users who may only read or write the store."""
    store = _readable(user, name)
    if store.owner_id != user.pk:
        raise Forbidden(_("Only the store's owner may do this."))
    return store


class StoreListView(APIView):
    """The caller's own stores and those shared with them. Other people's public stores are found by name only."""

    @extend_schema(responses=StoreSerializer(many=True))
    def get(self, request: Request) -> Response:
        user = caller(request)
        mine = _STORES.filter(Q(owner=user) | Q(members__user=user)).distinct().order_by("name")
        return Response([store_shape(store, user) for store in mine])

    @extend_schema(request=StoreCreateSerializer, responses={201: StoreSerializer})
    def post(self, request: Request) -> Response:
        body = StoreCreateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        store = stores.create_store(caller(request), **body.validated_data)
        return Response(store_shape(store, caller(request)), status=status.HTTP_201_CREATED)


class StoreView(APIView):
    @extend_schema(responses=StoreSerializer)
    def get(self, request: Request, name: str) -> Response:
        return Response(store_shape(_readable(caller(request), name), caller(request)))

    @extend_schema(request=StoreChangeSerializer, responses=StoreSerializer)
    def patch(self, request: Request, name: str) -> Response:
        store = _owned(caller(request), name)
        body = StoreChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        if "public" in body.validated_data:
            stores.set_public(store, body.validated_data["public"])
        return Response(store_shape(store, caller(request)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Also deletes the log."""
        stores.delete_store(_owned(caller(request), name))
        return Response(status=status.HTTP_204_NO_CONTENT)


class StoreMemberListView(APIView):
    """Readers and writers. The owner is not a member."""

    @extend_schema(responses=StoreMemberSerializer(many=True))
    def get(self, request: Request, name: str) -> Response:
        store = _owned(caller(request), name)
        return Response([member_shape(member) for member in store.members.select_related("user")])

    @extend_schema(request=StoreMemberRequestSerializer, responses={201: StoreMemberSerializer})
    def post(self, request: Request, name: str) -> Response:
        """An existing member gets the new role."""
        store = _owned(caller(request), name)
        body = StoreMemberRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        member = stores.set_member(store, body.validated_data["user"], body.validated_data["role"])
        return Response(member_shape(member), status=status.HTTP_201_CREATED)


class StoreMemberView(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str, user_id: int) -> Response:
        """The owner may remove anybody. A member may remove only themselves."""
        store = _readable(caller(request), name)
        if user_id != caller(request).pk:
            _owned(caller(request), name)
        stores.remove_member(store, user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class StoreTokenListView(APIView):
    """The caller's sync tokens for the store, for clients that cannot refresh. Valid for 30 days, this store only."""

    @extend_schema(responses=DeviceTokenSerializer(many=True))
    def get(self, request: Request, name: str) -> Response:
        store = _readable(caller(request), name)
        return Response([token_shape(session) for session in stores.live_tokens(store, caller(request))])

    @describe_new_token
    def post(self, request: Request, name: str) -> Response:
        store = _readable(caller(request), name)
        return new_token(request, partial(stores.issue_token, store, caller(request)))


class StoreTokenView(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str, sid: uuid.UUID) -> Response:
        store = _readable(caller(request), name)
        stores.revoke_token(store, caller(request), sid)
        return Response(status=status.HTTP_204_NO_CONTENT)
