"""Orders: what a client sends, what it is answered, and the status object."""

from datetime import datetime, timedelta, timezone
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Item(Strict):
    sku: Annotated[str, Field(min_length=1, max_length=64)]
    quantity: Annotated[int, Field(ge=1, le=1000)]


class Fulfilment(Strict):
    kind: Literal["fulfilment"]
    items: Annotated[list[Item], Field(min_length=1, max_length=100)]
    customer_ref: str | None = None


class Report(Strict):
    kind: Literal["report"]
    rows: Annotated[int, Field(ge=0)]
    delay_ms: int | None = None


Order = Annotated[Fulfilment | Report, Field(discriminator="kind")]


class Eta(BaseModel):
    seconds: float
    p10_seconds: float
    p90_seconds: float
    at: datetime
    queue_depth: int
    basis: str


class Links(BaseModel):
    self: str


class Accepted(BaseModel):
    id: str
    status: str
    status_url: str
    status_url_expires_at: datetime
    eta: Eta
    poll_after_ms: int
    links: Links


class Window(BaseModel):
    at: datetime
    earliest_at: datetime
    latest_at: datetime


class Status(BaseModel):
    id: str
    status: str
    done: bool = False
    revision: int = 1
    attempt: int = 0
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: dict | None = None
    eta: Window | None = None
    poll_after_ms: int | None = None
    result: dict | None = None
    result_url: str | None = None
    result_url_expires_at: datetime | None = None
    error: dict | None = None
    renew: str


def estimate(depth: int, now: datetime) -> Eta:
    """By the mean of two seconds, over ten workers."""
    seconds = 2.0 * (1 + depth / 10)
    return Eta(
        seconds=seconds,
        p10_seconds=seconds * 0.7,
        p90_seconds=seconds * 1.6,
        at=now + timedelta(seconds=seconds),
        queue_depth=depth,
        basis="configured",
    )


def window(eta: Eta, now: datetime) -> Window:
    later = lambda seconds: now + timedelta(seconds=seconds)  # noqa: E731
    return Window(at=eta.at, earliest_at=later(eta.p10_seconds), latest_at=later(eta.p90_seconds))


def now() -> datetime:
    return datetime.now(timezone.utc)


def status_key(id: str) -> str:
    # Random digits first, which spread the keys over prefixes.
    return f"status/{id[-2:]}/{id}.json"
