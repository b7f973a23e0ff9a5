from django.urls import path, register_converter
from django.urls.converters import StringConverter

from realtime.domain.stores import NAME
from realtime.stores import views


class StoreNameConverter(StringConverter):
    regex = NAME.pattern


register_converter(StoreNameConverter, "store_name")

urlpatterns = [
    path("", views.StoreListView.as_view(), name="stores"),
    path("/<store_name:name>", views.StoreView.as_view(), name="store"),
    path("/<store_name:name>/members", views.StoreMemberListView.as_view(), name="store_members"),
    path(
        "/<store_name:name>/members/<short_int:user_id>", views.StoreMemberView.as_view(), name="store_member"
    ),
    path("/<store_name:name>/tokens", views.StoreTokenListView.as_view(), name="store_tokens"),
    path("/<store_name:name>/tokens/<uuid:sid>", views.StoreTokenView.as_view(), name="store_token"),
]
