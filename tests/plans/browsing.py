"""A browser whose every request is watched."""

from typing import Any

from django.test import Client

from accounts.models import User
from tests.plans import ground
from tests.plans.watching import Watch


def browser(watch: Watch, who: str | User | None) -> "Browser":
    """For one of ground.PEOPLE, or for a person; None: nobody has signed in."""
    return Browser(watch, ground.person(who) if isinstance(who, str) else who)


class Browser:
    def __init__(self, watch: Watch, user: User | None) -> None:
        self.watch, self.user = watch, user
        self.client = Client(headers={"accept-language": "en"})
        if user:
            self.client.force_login(user)

    def get(self, address: str, *, named: str = "", **headers: str) -> Any:
        return self._ask(named or f"GET {address}", lambda: self.client.get(address, headers=headers))

    def post(self, address: str, **sent: Any) -> Any:
        return self._ask(f"POST {address}", lambda: self.client.post(address, sent))

    def _ask(self, name: str, ask: Any) -> Any:
        with self.watch.page(f"{name} for {self.user}" if self.user else name):
            answer = ask()
            body = b"".join(answer)  # a stream asks while it is read
        assert answer.status_code in (200, 302), (name, answer.status_code, body[:300])
        return answer if not answer.streaming else body
