"""The environment, read once for a command."""

from collections.abc import Mapping

from leadline import settings
from leadline.cli.console import configure_logging, err
from leadline.settings import Settings


def environment() -> Mapping[str, str]:
    """The process's environment."""
    return settings.environment()


def load_settings() -> Settings:
    """The settings, with logging set up by them; unknown LEADLINE_* variables are warned of."""
    loaded = Settings.from_environment(environment())
    configure_logging(loaded.log_level, loaded.log_format)
    for name in loaded.unknown:
        err.print(f"warning: {name} is no setting of Leadline's: see `leadline settings`")
    return loaded
