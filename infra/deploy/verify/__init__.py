"""Measures on a deployed stage what no emulator can show, for ``gamenight stage verify``."""
