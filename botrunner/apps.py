from django.apps import AppConfig


class BotrunnerConfig(AppConfig):
    name = "botrunner"
