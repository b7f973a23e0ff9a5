#!/usr/bin/env python
"""Django's command line for Backline."""

import os
import signal
import sys

SERVERS = {"serve", "runweb", "runbot", "sandbox"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if SERVERS & set(sys.argv[1:2]):
        # Being stopped is how a server ends, also while it still starts: no traceback, no fault. An exception
        # would not do: some imports catch everything. What is half done must bear kill -9 in any case.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os._exit(0))
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import ManagementUtility
    from environs import EnvError

    utility = ManagementUtility(sys.argv)
    try:
        if sys.argv[1:2] == ["version"]:  # Django would print its own version
            django.setup()
            utility.fetch_command("version").run_from_argv(sys.argv)
        else:
            utility.execute()
    except (ImproperlyConfigured, EnvError) as error:
        sys.exit(f"{type(error).__name__}: {error}")  # whoever starts it needs the sentence, not our stack


if __name__ == "__main__":
    main()
