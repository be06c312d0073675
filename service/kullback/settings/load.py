"""Settings from flags, environment and file, in that order of precedence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from kullback.core.errors import ErrorId, RequestError
from kullback.core.profile import Profile
from kullback.settings.profiles import ProfileSettings
from kullback.settings.sections import AlertingSettings, Settings


def load_settings(path: Path | None = None, overrides: dict[str, Any] | None = None) -> Settings:
    """Read and check the configuration.

    Parameters
    ----------
    path : Path or None
        A YAML (or JSON) file; None for environment and defaults only.
    overrides : dict or None
        Nested values given as flags; they win over environment and file.

    Raises
    ------
    RequestError
        BAD_CONFIG, with one line per problem.
    """
    from_file = _read(path) if path else {}

    class _Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not a source of ours
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not a source of ours
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, from_file)

    try:
        return _Layered(**(overrides or {}))
    except ValidationError as problem:
        raise RequestError(ErrorId.BAD_CONFIG, _sentences(problem, path)) from problem


def read_profile(fields: Mapping[str, Any]) -> Profile:
    """A profile from one entry of `profiles:`, as a back-test takes it; missing options have their defaults.

    Parameters
    ----------
    fields : mapping

    Raises
    ------
    RequestError
        BAD_CONFIG, with one line per problem.
    """
    alerting = AlertingSettings()
    try:
        profile = ProfileSettings.model_validate(fields)
    except ValidationError as problem:
        raise RequestError(ErrorId.BAD_CONFIG, _sentences(problem, None)) from problem
    if profile.reference.kind in ("pinned", "stream"):
        kind = profile.reference.kind
        raise RequestError(
            ErrorId.BAD_CONFIG, f"reference.kind: a back-test has one series; rolling or ago, not {kind}."
        )
    return profile.build(alerting.for_, alerting.keep_firing_for)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise RequestError(ErrorId.BAD_CONFIG, f"Cannot read {path}: {problem}") from problem
    if content is not None and not isinstance(content, dict):
        raise RequestError(ErrorId.BAD_CONFIG, f"{path} must hold a mapping of sections, such as `server:`.")
    return content or {}


def _sentences(problem: ValidationError, path: Path | None) -> str:
    where = f" in {path}" if path else ""
    lines = [f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in problem.errors()]
    return f"The configuration{where} is not valid:\n  " + "\n  ".join(lines)
