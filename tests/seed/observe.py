"""Runs a program of the seed and logs every frame that it sends and gets on standard error."""

import logging
import runpy
import sys

logging.basicConfig(level=logging.DEBUG, format="%(message)s")
runpy.run_path(sys.argv[1], run_name="__main__")
