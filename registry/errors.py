"""What is answered when no view could: problem details under /api/, pages everywhere else."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from partners.api import problems


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problems.bad_request() if _of_api(request) else defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problems.not_found() if _of_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> Any:
    return problems.server_error() if _of_api(request) else defaults.server_error(request)


def _of_api(request: HttpRequest) -> bool:
    return request.path.startswith(problems.PREFIX)
