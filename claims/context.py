"""What every page may say of the register it belongs to."""

from django.http import HttpRequest

from claims import mandates


def register(request: HttpRequest) -> dict[str, object]:
    mandate = mandates.current()
    return {
        "register_name": str(mandate.name),
        "quick_exit_url": mandate.quick_exit_url,
        "help_email": mandate.help_email,
    }
