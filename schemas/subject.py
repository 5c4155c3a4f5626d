"""The subject of an incident: a product, a customer, a store, a case or a source.

Internally, a subject is a tuple whose key is one string, so that tables, timers and partitions
treat all types alike; `SubjectRecord` is its written form, with a name for each part.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple, Self
from uuid import UUID

from pydantic import Field

from schemas.base import Code, Contract
from schemas.identifiers import NodeId, as_uuid

SEPARATOR = "\x1f"
NODES_REMEMBERED = 16_384


class SubjectType(StrEnum):
    """Types of subjects."""

    PRODUCT = "product"
    CUSTOMER = "customer"
    STORE = "store"
    CASE = "case"
    SOURCE = "source"


PRODUCT, CUSTOMER = SubjectType.PRODUCT, SubjectType.CUSTOMER
"""For what is asked of every claim, as in schemas/offer.py."""


class Subject(NamedTuple):
    """A subject within a realm. `key` holds its parts, joined by the unit separator (0x1F)."""

    type: SubjectType
    key: str

    @classmethod
    def product(cls, market: str, sku: str) -> Self:
        """One product in one sales market."""
        return cls(PRODUCT, f"{market}{SEPARATOR}{sku}")

    @classmethod
    def customer(cls, node: NodeId) -> Self:
        """A customer, by a profile id; in a claim by the anchor of its event."""
        return cls(CUSTOMER, _written_node(node))

    @property
    def node(self) -> NodeId:
        """The id of a customer. Raises ValueError for a subject of another type."""
        if self.type is not CUSTOMER:
            raise ValueError(f"a {self.type} has no node id")
        return UUID(self.key).int

    @property
    def parts(self) -> tuple[str, ...]:
        """A product's market and sku; of every other type the one id."""
        if self.type is not PRODUCT:
            return (self.key,)
        market, _, sku = self.key.partition(SEPARATOR)  # a sku may hold any character
        return (market, sku)


@lru_cache(maxsize=NODES_REMEMBERED)
def _written_node(node: NodeId) -> str:
    """Written once for the many claims about one customer."""
    return str(as_uuid(node))


class ProductSubject(Contract):
    """One product in one sales market."""

    type: Literal["product"] = "product"
    market: Annotated[str, Field(min_length=1, max_length=16)]
    """Sales market."""
    sku: Code
    """Article number, or the gtin if there is none."""


class CustomerSubject(Contract):
    """One customer."""

    type: Literal["customer"] = "customer"
    handle: UUID
    """Any id that the profile ever had; resolve it through the map when reading."""


class StoreSubject(Contract):
    """One store."""

    type: Literal["store"] = "store"
    id: Code
    """Number or name of the store."""


class CaseSubject(Contract):
    """One service case."""

    type: Literal["case"] = "case"
    id: Code
    """Number of the case."""


class SourceSubject(Contract):
    """One source system, a till on one day, or a channel on one day."""

    type: Literal["source"] = "source"
    id: Code
    """Its `source.system`; of a till `STORE/TILL/DAY`, as 12/3/2026-03-02; of a shop
    `CHANNEL:DAY`, as shop:2026-03-02."""


SubjectRecord = Annotated[
    ProductSubject | CustomerSubject | StoreSubject | CaseSubject | SourceSubject,
    Field(discriminator="type"),
]
"""The written form of a subject."""
SUBJECT_MODELS: dict[SubjectType, type[Contract]] = {
    SubjectType.PRODUCT: ProductSubject,
    SubjectType.CUSTOMER: CustomerSubject,
    SubjectType.STORE: StoreSubject,
    SubjectType.CASE: CaseSubject,
    SubjectType.SOURCE: SourceSubject,
}
"""The written form of each type."""


def written_subject(subject: Subject) -> dict[str, str]:
    """The written form of a subject, as plain values."""
    names = [name for name in SUBJECT_MODELS[subject.type].model_fields if name != "type"]
    return {"type": subject.type.value, **dict(zip(names, subject.parts, strict=True))}


def subject_of(record: SubjectRecord) -> Subject:
    """The subject of a record."""
    parts = (str(getattr(record, name)) for name in type(record).model_fields if name != "type")
    return Subject(SubjectType(record.type), SEPARATOR.join(parts))
