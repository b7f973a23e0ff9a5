from django.urls import path

from library.views import SearchView, artwork

urlpatterns = [
    path("api/search", SearchView.as_view(), name="search"),
    path("artwork/<str:name>", artwork, name="artwork"),
]
