"""Notices as words."""

from chalicelib.errors import GameNightError


class FakeNotices:
    def error(self, error: GameNightError) -> bytes:
        return f"error {error.code}".encode()

    def token_expiring(self, expires_at: int) -> bytes:
        return f"token_expiring {expires_at}".encode()

    def reconnect(self, after_milliseconds: int) -> bytes:
        return f"reconnect {after_milliseconds}".encode()
