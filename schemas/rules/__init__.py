"""Rules as data: TOML files that an operator may copy and change, and their typed models."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


def rules_text(default_name: str, path: Path | None = None) -> str:
    """The text of a rules file; without a path, of the packaged one. Raises OSError, ValueError."""
    if path is None:
        return resources.files(__name__).joinpath(default_name).read_text("utf-8")
    return path.read_text("utf-8-sig")  # editors of Windows begin with a mark


def load_rules(model: type[M], default_name: str, path: Path | None = None) -> M:
    """Read a rules file into its model; without a path, the packaged default.

    Raises:
        ValueError: the file cannot be read, is no TOML, or breaks the model (the message names file
            and field).
    """
    try:
        return model.model_validate(tomllib.loads(rules_text(default_name, path)))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        )
        raise ValueError(f"rules file {path or default_name}: {faults}") from error
    except OSError as error:
        raise ValueError(f"rules file {path or default_name}: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"rules file {path or default_name}: {error}") from error
