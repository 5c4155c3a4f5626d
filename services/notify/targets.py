"""Where incidents are read and to whom they are sent: a TOML file that the operator writes.

The file holds an API key and signing secrets, so it is as secret as they are.
"""

from __future__ import annotations

import base64
import binascii
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from schemas.descriptions import Described
from schemas.rules.routing import Route
from schemas.rules.segment_conditions import SEGMENT_ID
from services.runtime.errors import ConfigurationError

Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s#]*)?$", max_length=2_000)]
TargetName = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_-]{0,39}$")]
PREFIX = "whsec_"
KEY_BYTES = range(24, 65)


def _signing(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or len(key) not in KEY_BYTES:
        raise ValueError("must be whsec_ and the base64 form of 24 to 64 random bytes")
    return secret


class _Part(Described, BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NotifySource(_Part):
    """The API that incidents and changes of segments are read from."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+/?$")] = "http://127.0.0.1:8360"
    """Address of `c360 up` or `c360 api`."""
    key: SecretStr
    """API key with the scope `incidents:read` for incidents and `segments:members` for segments;
    its realm is the one that is read."""


class PagePer(StrEnum):
    """What an event of a webhook is about."""

    FAULT = "fault"
    """What many incidents have in common, as a price list that the tills missed."""
    INCIDENT = "incident"


class WebhookTarget(_Part):
    """An endpoint that takes CloudEvents."""

    name: TargetName
    """Name in logs and lists; what was sent is remembered under it."""
    url: Url
    """Where events are posted."""
    secrets: Annotated[
        list[Annotated[SecretStr, AfterValidator(_signing)]], Field(min_length=1, max_length=2)
    ]
    """Signing secrets; two while one replaces the other."""
    routes: Annotated[list[Route], Field(min_length=1)] = [Route.PAGE, Route.DIGEST]
    """Which routes it is for."""
    one_page_per: PagePer = PagePer.FAULT
    """`fault`: one event for all incidents of a fault; `incident`: one for each."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10
    """Seconds until the answer."""
    give_up_after: Annotated[int, Field(ge=1, le=100)] = 5
    """Refusals (3xx, 4xx) after which an event is given up; other failures are repeated."""


class SegmentWebhookTarget(_Part):
    """An endpoint that takes CloudEvents of who enters and leaves segments."""

    name: TargetName
    """Name in logs and lists; how far it has heard is remembered under it."""
    url: Url
    """Where events are posted."""
    secrets: Annotated[
        list[Annotated[SecretStr, AfterValidator(_signing)]], Field(min_length=1, max_length=2)
    ]
    """Signing secrets; two while one replaces the other."""
    segments: Annotated[
        list[Annotated[str, Field(pattern=SEGMENT_ID)]], Field(max_length=1_000)
    ] = []
    """Ids of the segments; all if there are none."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10
    """Seconds until the answer."""
    give_up_after: Annotated[int, Field(ge=1, le=100)] = 5
    """Refusals (3xx, 4xx) after which an event is given up; other failures are repeated."""


class AlertmanagerTarget(_Part):
    """A Prometheus Alertmanager that holds an alert for each open incident."""

    name: TargetName
    """Name in logs and lists; what was sent is remembered under it."""
    url: Url
    """Its address, with its path prefix if it has one; alerts are posted to `/api/v2/alerts`."""
    authorization: SecretStr | None = None
    """Value of the header `Authorization`, as `Bearer …` or `Basic …`."""
    routes: Annotated[list[Route], Field(min_length=1)] = [Route.PAGE]
    """Which routes it is for."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10
    """Seconds until the answer."""
    repeat_s: Annotated[float, Field(ge=1, le=3600)] = 60
    """Seconds after which an alert that lasts is sent again."""
    expires_s: Annotated[float, Field(ge=3, le=86_400)] = 900
    """Seconds after which Alertmanager ends an alert that is not sent again."""

    @model_validator(mode="after")
    def _repeats_in_time(self) -> Self:
        if self.expires_s < 3 * self.repeat_s:
            raise ValueError("expires_s must be at least three times repeat_s")
        return self


class NotifyTargets(_Part):
    """The whole file."""

    source: NotifySource
    webhook: Annotated[list[WebhookTarget], Field(max_length=50)] = []
    alertmanager: Annotated[list[AlertmanagerTarget], Field(max_length=50)] = []
    segment_webhook: Annotated[list[SegmentWebhookTarget], Field(max_length=50)] = []

    @property
    def of_incidents(self) -> list[WebhookTarget | AlertmanagerTarget]:
        """Targets that hear of incidents."""
        return [*self.webhook, *self.alertmanager]

    @property
    def all(self) -> list[WebhookTarget | AlertmanagerTarget | SegmentWebhookTarget]:
        """Targets of all forms."""
        return [*self.of_incidents, *self.segment_webhook]

    @model_validator(mode="after")
    def _have_names(self) -> Self:
        names = [one.name for one in self.all]
        if not names:
            raise ValueError(
                "there is no target: no [[webhook]], [[alertmanager]] or [[segment_webhook]]"
            )
        if len(set(names)) != len(names):
            raise ValueError("two targets have one name")
        return self


def read_targets(path: Path) -> NotifyTargets:
    """The file. Raises ConfigurationError, whose text quotes no secret."""
    try:
        return NotifyTargets.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        raise ConfigurationError(f"targets file {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"targets file {path}: not TOML: {error}") from error
    except ValueError as error:
        raise ConfigurationError(f"targets file {path}: {_faults(error)}") from None


def _faults(error: ValueError) -> str:
    faults = getattr(error, "errors", None)
    if faults is None:
        return "not UTF-8"
    listed = faults(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in listed)
