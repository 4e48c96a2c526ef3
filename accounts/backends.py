"""How a person signs in (by e-mail address and password) and what they may then do (by their roles)."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend


class RolesBackend(AuthenticationBackend):
    """Deny by default: what no role allows is refused, and nobody has permissions of their own.

    Permissions say what a role does at all. Which rows a person sees, `visible_to` decides: asked about one
    object, this backend says no.
    """

    def get_user_permissions(self, user_obj: Any, obj: object = None) -> set[str]:
        return set()

    def get_group_permissions(self, user_obj: Any, obj: object = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        return set(user_obj.permissions)
