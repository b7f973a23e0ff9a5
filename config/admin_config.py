from django.contrib.admin.apps import AdminConfig


class BacklineAdminConfig(AdminConfig):
    default_site = "config.admin_site.BacklineAdminSite"
