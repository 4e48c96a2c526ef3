"""What a token may do: each view names the one scope that it needs."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from partners.api.problems import InsufficientScope


class HasScope(BasePermission):
    """A view that names no `required_scope` answers nobody: it raises AttributeError."""

    def has_permission(self, request: Request, view: Any) -> bool:
        required: str = view.required_scope
        if request.auth is None:
            return False
        if required not in request.auth.scope.split():
            raise InsufficientScope(required)
        return True
