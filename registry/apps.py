from django.apps import AppConfig
from django.conf import settings

from registry import logs


class RegistryConfig(AppConfig):
    name = "registry"

    def ready(self) -> None:
        if settings.LOG_FORMAT == "json":
            logs.tell_crashes()
