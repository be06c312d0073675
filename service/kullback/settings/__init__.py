"""Every option once: its name with unit, default, bounds and one sentence.

Read by `app` and the command line only; everything below takes small frozen dataclasses.
"""

from kullback.settings.load import load_settings, read_profile
from kullback.settings.sections import Settings

__all__ = ["Settings", "load_settings", "read_profile"]
