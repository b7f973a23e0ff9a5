from django.urls import path

from alerts import views

urlpatterns = [
    path("/<str:guild_id>/alert-rules", views.AlertRuleListView.as_view(), name="guild_alert_rules"),
    path("/<str:guild_id>/alert-rules/<str:rule_id>", views.AlertRuleView.as_view(), name="guild_alert_rule"),
]
