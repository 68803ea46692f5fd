"""Every entry point of Game Night Live."""

from chalice.app import Chalice

app = Chalice(app_name="game-night-live")
