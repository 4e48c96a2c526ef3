"""What every template may know of the place it runs in."""

from django.conf import settings
from django.http import HttpRequest


def place(request: HttpRequest) -> dict[str, bool]:
    return {"is_demo": settings.DEMO}
