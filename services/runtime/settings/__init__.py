"""All settings, typed: environment variables with the prefix `C360_`, one class per part.

A data directory may have its own `settings.env` (the demo writes one); environment variables take
precedence. Nothing else reads the environment. The settings page in docs/settings.md is generated
from these classes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas.descriptions import descriptions
from services.runtime.errors import ConfigurationError, StoreUnavailable
from services.runtime.settings.api import ApiSettings
from services.runtime.settings.console import ConsoleSettings
from services.runtime.settings.ingest import BATCH_EVENTS_LIMIT, IngestSettings
from services.runtime.settings.intake import IntakeSettings
from services.runtime.settings.kafka import KafkaSettings
from services.runtime.settings.log import LogSettings
from services.runtime.settings.oidc import OidcSettings
from services.runtime.settings.probe import ProbeSettings
from services.runtime.settings.realms import CHANNELS, RealmSettings, RealmsSettings
from services.runtime.settings.retention import RetentionSettings
from services.runtime.settings.rules import RulesSettings, read_rules
from services.runtime.settings.store import DirectorySettings, StoreSettings
from services.runtime.settings.tracing import TracingSettings
from services.runtime.settings.worker import WorkerSettings

SETTINGS_FILE = "settings.env"
UNREADABLE = re.compile(r'field "(\w+)" from source "(\w+)"')
"""How pydantic-settings names the setting whose JSON it cannot read, and where it found it."""
__all__ = [
    "BATCH_EVENTS_LIMIT",
    "CHANNELS",
    "SETTINGS_FILE",
    "ApiSettings",
    "ConsoleSettings",
    "DirectorySettings",
    "IngestSettings",
    "IntakeSettings",
    "KafkaSettings",
    "LogSettings",
    "OidcSettings",
    "ProbeSettings",
    "RealmSettings",
    "RealmsSettings",
    "RetentionSettings",
    "RulesSettings",
    "Settings",
    "StoreSettings",
    "TracingSettings",
    "WorkerSettings",
    "is_overridden",
    "load_settings",
    "read_rules",
]  # fmt: skip


class Settings(  # pydantic takes the fields of the last base first
    TracingSettings,
    LogSettings,
    ProbeSettings,
    RetentionSettings,
    WorkerSettings,
    KafkaSettings,
    StoreSettings,
    ConsoleSettings,
    ApiSettings,
    OidcSettings,
    IntakeSettings,
    IngestSettings,
    RulesSettings,
    RealmsSettings,
    DirectorySettings,
):
    """Effective settings of all parts; immutable once read."""


def load_settings(data_dir: Path | None = None, **overrides: Any) -> Settings:
    """Read and validate all settings.

    Precedence: `overrides`, environment, `settings.env` of the data directory, defaults.

    Raises:
        ConfigurationError: a value is wrong; the text names every variable at fault.
        StoreUnavailable: this user may not look into the data directory.
    """
    if data_dir is not None:
        overrides["data_dir"] = data_dir
    _refuse_unknown_variables()
    file = None
    try:
        first = Settings(**overrides)
        file = first.data_dir / SETTINGS_FILE
        return Settings(_env_file=file, **overrides) if file.is_file() else first
    except OSError as error:
        if file is not None and not os.access(file.parent, os.X_OK):
            raise StoreUnavailable(
                f"data directory {file.parent} cannot be used: {error.strerror}. Choose another "
                "with --data-dir or C360_DATA_DIR, or run as its owner."
            ) from error
        raise ConfigurationError(f"{error.filename} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(_explain(error, file)) from error


def is_overridden(data_dir: Path, variable: str) -> bool:
    """Whether the environment hides another value that `settings.env` of the directory has."""
    given = os.environ.get(variable)
    try:
        lines = (data_dir / SETTINGS_FILE).read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return False
    named = [line.partition("=")[2] for line in lines if line.startswith(f"{variable}=")]
    own = [value.strip("\"' ") for value in named]
    return given is not None and own != [] and own[-1] != given


def _refuse_unknown_variables() -> None:
    """A misspelt variable would otherwise be ignored silently."""
    known = {f"C360_{name.upper()}" for name in Settings.model_fields}
    for variable in sorted(os.environ):
        if variable.startswith("C360_") and variable.upper() not in known:
            near = get_close_matches(variable.upper(), known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"{variable} is not a setting{hint} ('c360 config' lists all)")


def _explain(error: ValueError, file: Path | None) -> str:
    """Every variable at fault, what is wrong with it, and what it is for."""
    if isinstance(error, ValidationError):
        faults = error.errors(include_input=False, include_url=False)
        lines = [_fault(fault["loc"], fault["msg"], file) for fault in faults]
    elif found := UNREADABLE.search(str(error)):
        lines = [_fault((found[1],), f"no JSON ({error.__cause__}); it is written as JSON", file)]
    else:  # the file itself
        lines = [f"{file} cannot be read: {error}"]
    return "settings are wrong:\n  " + "\n  ".join(lines)


def _fault(place: Sequence[str | int], message: str, file: Path | None) -> str:
    name = str(place[0]) if place else ""
    field = Settings.model_fields.get(name)
    if field is None:  # only a file has names that nobody knows: the environment was looked at
        return f"{file}: {name.upper()} is not a setting ('c360 config' lists all)"
    variable, inner = f"C360_{name.upper()}", ".".join(map(str, place[1:]))
    where = f" of {file}" if file and variable not in map(str.upper, os.environ) else ""
    at = f" at {inner!r}" if inner else ""
    purpose = " ".join(descriptions(Settings).get(name, "").split())
    return f"{variable}{where}: {message}{at}. {purpose}"
