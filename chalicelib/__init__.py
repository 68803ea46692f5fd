"""Game Night Live: real-time events for game nights."""

__version__ = "0.1.0"
