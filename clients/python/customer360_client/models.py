"""Documents of the API. Generated from its OpenAPI document by `make generate`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias
from uuid import UUID

from pydantic import Field

from customer360_client._model import Model

ActionKind: TypeAlias = Literal["ack", "unack", "mute", "unmute"] | str
"""An action of a person on an incident."""
Availability: TypeAlias = (
    Literal["in_stock", "limited", "out_of_stock", "preorder", "discontinued"] | str
)
"""Availability according to the channel."""
Basis: TypeAlias = Literal["published", "displayed", "charged"] | str
"""How the channel made the statement."""
Contradiction: TypeAlias = (
    Literal["customer", "store", "amount", "day", "currency", "cancelled", "issuer", "return"] | str
)
"""In what two reports of one order contradict each other."""
Flag: TypeAlias = (
    Literal[
        "suppressed",
        "small_sample",
        "no_fit",
        "no_margin",
        "no_cost",
        "mixed_scale",
        "biased_source",
        "low_response",
        "not_significant",
        "not_monotone",
        "not_better",
        "unequal",
        "questionable",
        "incomplete_window",
    ]
    | str
)
"""What a reader must know about a figure."""
IdStatus: TypeAlias = Literal["found", "merged", "erased", "unknown"] | str
"""What became of an id."""
IdentityTime: TypeAlias = Literal["now", "then"] | str
"""Which identifiers make a profile of a past time."""
IncidentField: TypeAlias = (
    Literal["kind", "state", "severity", "cause", "channel", "location", "sku", "since", "fault"]
    | str
)
"""What incidents are counted by. One feed that went wrong is one channel and one beginning."""
IncidentState: TypeAlias = (
    Literal["upcoming", "pending", "open", "acknowledged", "muted", "resolved", "retracted"] | str
)
"""State of an incident."""
Language: TypeAlias = Literal["en", "de"] | str
"""The languages of sentences for customers."""
MembershipStatus: TypeAlias = Literal["current", "former", "all"] | str
"""Which memberships are wanted."""
NoticeKind: TypeAlias = (
    Literal["suspicious_value", "degree_limit", "many_identifiers", "size_limit", "busy_value"]
    | str
)
"""What is unusual."""
OrderState: TypeAlias = Literal["placed", "cancelled", "unknown"] | str
"""What became of an order."""
PromotionTerm: TypeAlias = Literal["customer_group", "currency", "pack", "begin", "end"] | str
"""What is compared, in this order."""
ProposedAction: TypeAlias = Literal["block", "correct_sender", "split"] | str
"""What somebody could do about a notice."""
RejectReason: TypeAlias = (
    Literal[
        "not_json",
        "too_large",
        "unknown_type",
        "invalid_field",
        "no_usable_identifier",
        "all_identifiers_blocked",
        "from_the_future",
        "before_time_floor",
        "not_allowed",
        "other_realm",
        "erased",
        "suppressed",
        "expired",
        "unstorable",
        "unprocessable",
    ]
    | str
)
"""The closed set. `ADVICE` says what to do."""
ScoreAbsence: TypeAlias = (
    Literal[
        "too_little_known",
        "no_kept_answer",
        "not_in_kept_answer",
        "objected_to_marketing",
        "library_missing",
    ]
    | str
)
"""Why there is no score."""
Severity: TypeAlias = Literal["low", "medium", "high", "critical"] | str
"""Severity, in ascending order."""
SuggestionKind: TypeAlias = Literal["match", "stated"] | str
"""Why two profiles are proposed."""
SuggestionNote: TypeAlias = (
    Literal["two_of_a_unique_type", "no_birth_date", "shared_contact_only"] | str
)
"""What to look at before a suggestion is accepted."""
SuggestionState: TypeAlias = Literal["open", "accepted", "declined", "stale"] | str
"""What became of a suggestion."""
Verdict: TypeAlias = Literal["same", "different", "none"] | str
"""What a person decided about two identifiers; `none` withdraws an earlier decision."""


class AccessEntry(Model):
    """One request that read profiles."""

    at: datetime
    """When it was answered."""
    entry_id: str
    """Tells entries of one millisecond apart."""
    realm: str
    """Realm of the profiles."""
    key_id: str
    """The key that was used; `jwt-…` for the owner of bearer tokens."""
    key_name: str
    """Its name then."""
    operation: str
    """What was asked, as `profile_get`."""
    purpose: str
    """Why, as the reader said (`X-Purpose`); empty if nothing was said."""
    profile_ids: list[UUID]
    """The profiles that were read, by the ids that they had then."""
    count: int
    """How many were read, also where they are too many to be listed."""
    request_id: str
    """The request, as in its answer and in the log of the service."""
    status: int
    """HTTP status of the answer."""


class AccessEntryPage(Model):
    """AccessEntryPage"""

    data: list[AccessEntry]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class AccountContact(Model):
    """A person who is or was a contact of an account."""

    version: int
    """Version of this form."""
    profile_id: UUID
    """The person, whoever that is now."""
    kind: str
    """person, anonymous or shared."""
    name: str
    """Name of the golden record; empty if it is not known."""
    current: bool
    """Whether the person is a contact now."""
    roles: list[str]
    """The roles now; none of somebody who is no contact now."""
    periods: list[AccountPeriod]
    """All times, the latest first."""


class AccountContactPage(Model):
    """AccountContactPage"""

    data: list[AccountContact]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class AccountPeriod(Model):
    """A time in which the roles of a contact were the same."""

    current: bool
    """Whether it is so at `as_of`."""
    since: datetime
    """From when on; may be in the future."""
    until: datetime | None
    """When it ends or ended; null: it goes on."""
    source: str
    """`source.system` of the event."""
    event_id: str
    """Id of the event."""
    occurred_at: datetime
    """Time of the event."""
    roles: list[str]
    """user, buyer, influencer, decider, gatekeeper or other; none if they are not known."""
    job_title: str
    """What the company calls it."""


class AccountValue(Model):
    """A value of an account as it was said last, and by whom."""

    value: str
    """The value; never empty."""
    source: str
    """`source.system` of the event."""
    event_id: str
    """Id of the event."""
    occurred_at: datetime
    """Time of the event."""


class ActionRecord(Model):
    """A person acknowledged or muted an incident, or took it back."""

    version: int
    """Version of the contract."""
    realm: str
    """Brand or tenant."""
    kind: Literal["action"] = "action"
    incident_kind: str
    """Kind of the incident, or the kind with whose incidents it is judged."""
    subject: (
        ProductSubject
        | CustomerSubject
        | StoreSubject
        | CaseSubject
        | SourceSubject
        | dict[str, Any]
    )
    """What the incident is about."""
    entry: IncidentAction
    """What was done, by whom and why."""


class AddressPermission(Model):
    """Whether one address may be contacted."""

    allowed: bool
    """Whether contact is permitted."""
    reason: str
    """Why it is or is not permitted."""
    basis: str | None
    """The legal basis; null where contact is not permitted."""
    event_id: str | None
    """The event that decided it; null where nothing was ever said about it, or where an erasure
    removed it."""
    occurred_at: datetime | None
    """Time of that event."""
    via: str | None
    """Channel of that event."""
    text_version: str | None
    """Which text was agreed to; null where none is named."""
    kept_after_erasure: bool
    """Whether an objection, withdrawal or complaint decided it that was kept when the person
    was erased."""
    profile_id: UUID | None
    """The person whose address it is; null for an address that nobody is known by."""
    sentence: str
    """What to tell the customer who asks."""


class AddressPermissionPage(Model):
    """AddressPermissionPage"""

    data: list[AddressPermission]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class AdvertisedPriceDetails(Model):
    """Which price was advertised, and what was charged."""

    expected: Decimal
    """The lowest price that is advertised for that place and time."""
    observed: Decimal
    """The highest price that was charged since."""
    currency: str
    """Currency of both prices."""
    observed_currency: str
    """Currency of the observed price, if it is another."""
    terms: dict[str, str]
    """The terms under which the prices are compared, as far as they differ from: piece, gross,
    new, for everybody."""
    linked_sku: str
    """Of a product that is named by its GTIN: the article number that other channels name
    beside it, if there is one and no other."""


class AffectedItem(Model):
    """A line of an order, or a page that was shown, with the deviating price or state."""

    profile_id: UUID | None
    """The customer, if a known one; null for an anonymous one and a receipt without a customer."""
    occurred_at: datetime
    """When it was shown or charged."""
    event_id: str
    """The event that says so."""
    basis: Basis
    """`displayed` or `charged`."""
    value: str
    """The price or the state that was met."""
    quantity: Decimal
    """How much was sold of it; 0 if nothing was."""
    order_id: str
    """Number of the order or receipt; empty if it has none."""
    order_issuer: str
    """Who assigned that number."""
    difference: Decimal | None
    """What was paid above the expected price, negative below it; null if nothing was paid, or
    if an earlier event reports the same order."""
    currency: str
    """Currency of the difference; empty if no money is involved."""


class AffectedList(Model):
    """One page of those whom an incident concerns."""

    data: list[AffectedItem]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class AttributeValue(Model):
    """The surviving value of one attribute, the event that reported it and the rule that chose."""

    value: str
    """The surviving value, in the written form of the attribute's type."""
    given: str
    """The same as its source wrote it."""
    valid: bool
    """Whether it has the form of its type. If not, `value` is what the source wrote, and
    survives only where no source reports a valid one."""
    source: str
    """`source.system` of the event that reported it."""
    channel: str
    """Channel of that event."""
    event_id: str
    """Id of that event."""
    occurred_at: datetime
    """Time of that event."""
    rule: str
    """The survivorship rule that chose it."""


class AvailabilityDetails(Model):
    """Which states contradict each other."""

    expected: Availability
    """The expected state."""
    observed: Availability
    """The state claimed by the channel."""
    terms: dict[str, str]
    """Variant and condition, if they differ from their defaults."""


class AvailabilityMismatchView(Model):
    """Availability mismatch"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["availability_mismatch"] = "availability_mismatch"
    subject: ProductSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: AvailabilityDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    market: str
    """Sales market."""
    sku: str
    """Article number, or the gtin if there is none."""
    expected: Availability
    """The expected state."""
    observed: Availability
    """The state claimed by the channel."""


class BatchBody(Model):
    """A question for customers by ids."""

    ids: list[UUID]
    """Any ids that the customers ever had."""


class BatchEntry(Model):
    """What became of one id of a batch."""

    requested_id: UUID
    """The id asked for."""
    status: IdStatus
    """What became of it."""
    profile: Profile | None
    """The profile that holds it; null if none does."""


class BatchEntryPage(Model):
    """BatchEntryPage"""

    data: list[BatchEntry]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class BusinessAccount(Model):
    """A business account: master data, and how many contacts it has."""

    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    account_id: str
    """Number of the account."""
    issuer: str
    """Who assigned the number."""
    name: str
    """Name of the company; empty if nobody said it."""
    contacts: int
    """Persons who are contacts now."""
    former_contacts: int
    """Persons who were contacts, or are yet to be."""
    requested_id: str
    """The number asked for; differs if that account was merged into this one by its source."""
    values: dict[str, AccountValue]
    """name, industry, vat_id, street, postal_code, city, country: as far as they are known."""
    replaces: list[str]
    """Numbers of the accounts that were merged into this one."""
    roles: dict[str, int]
    """Contacts by role; somebody with two roles counts in both."""
    as_of: datetime
    """When it was read."""


class CaseSubject(Model):
    """One service case."""

    type: Literal["case"] = "case"
    id: str
    """Number of the case."""


class Cell(Model):
    """One row of a breakdown."""

    n: int | None
    """Customers it is about; null if suppressed."""
    value: float | None
    """The value; null if suppressed or undefined."""
    unit: str
    """Unit of the value: `share`, `customers`, `purchases`, `points`, a currency; empty for a
    bare number."""
    interval: Interval | None
    """Confidence interval, where one is defined."""
    by: str
    """The dimension, as `occasion`."""
    key: str
    """The group within it."""
    flags: list[Flag]
    """As of the whole result."""


class ChannelFreshness(Model):
    """How far one channel has come."""

    channel: str
    """The channel."""
    occurred_at: datetime
    """Latest event time; an event dated ahead of its receipt counts as of then."""
    received_at: datetime
    """Latest receipt."""


class ChargedAboveAdvertisedView(Model):
    """Charged above advertised"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["charged_above_advertised"] = "charged_above_advertised"
    subject: ProductSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: AdvertisedPriceDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    market: str
    """Sales market."""
    sku: str
    """Article number, or the gtin if there is none."""
    expected: Decimal
    """The lowest price that is advertised for that place and time."""
    observed: Decimal
    """The highest price that was charged since."""
    currency: str
    """Currency of both prices."""
    observed_currency: str
    """Currency of the observed price, if it is another."""
    linked_sku: str
    """Of a product that is named by its GTIN: the article number that other channels name
    beside it, if there is one and no other."""


class ChargedAboveShownView(Model):
    """Charged above shown"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["charged_above_shown"] = "charged_above_shown"
    subject: CustomerSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: ShownDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    handle: UUID
    """Any id that the profile ever had; resolve it through the map when reading."""
    market: str
    """Sales market."""
    sku: str
    """The article."""
    expected: Decimal
    """The price that the customer was shown."""
    observed: Decimal
    """The price that was charged, before personal discounts."""
    currency: str
    """Currency of both prices."""
    quantity: Decimal
    """How much was bought at that price."""
    order_id: str
    """The order or receipt."""
    shown_on: str
    """The channel on which the lower price was shown."""
    minutes: int
    """Whole minutes between both."""


class ComparedAttribute(Model):
    """An attribute of both profiles."""

    name: str
    """Its name."""
    value: list[str]
    """Values of the one."""
    other_value: list[str]
    """Values of the other."""


class ConcernedProfile(Model):
    """A profile that a decision concerns."""

    profile_id: UUID
    """Its id."""
    kind: str
    """person, anonymous or shared."""
    identifiers_count: int
    """How many identifiers it has."""
    orders: int | None
    """Its orders; null for a profile that is too large to add up here."""
    revenue: Decimal | None
    """What they come to."""
    currency: str | None
    """Currency of the amount."""
    holds: list[str]
    """Which of the two identifiers it holds: `a`, `b`."""


class ConsentBreachDetails(Model):
    """What was sent, and since when it must not be."""

    purpose: str
    """Purpose of the messages."""
    sender: str
    """`source.system` of the messages."""
    messages: int
    """How many messages were sent without permission; one that two events report is one."""
    refused_at: datetime | None
    """Since when there is no permission, by the latest word; null without any."""


class ConsentEvidence(Model):
    """One event that speaks for or against contact."""

    action: str
    """given, confirmed, withdrawn, objection, complained or bounced."""
    event_id: str
    """The event; `erased` for one that was erased with the person."""
    occurred_at: datetime
    """Its time."""
    via: str
    """Its channel."""
    source: str
    """Its `source.system`."""
    basis: str
    """The legal basis that it names; empty if it names none."""
    double_opt_in: bool
    """Whether it awaits, or has, its double opt-in."""
    text_version: str
    """Which text was agreed to; empty if it names none."""
    kept_after_erasure: bool
    """Whether it is all that was kept when the person was erased."""


class ConsentState(Model):
    """Whether one address may be contacted on one channel for one purpose, and why."""

    address: UUID
    """Node id of the address."""
    channel: str
    """The channel of contact; empty in an objection to every channel."""
    purpose: str
    """The purpose of the contact: marketing, service …"""
    allowed: bool
    """Whether contact is permitted."""
    reason: str
    """Why it is or is not permitted."""
    event_id: str
    """The event that decided it; `erased` for an objection, withdrawal or complaint that was
    kept when the person was erased."""
    occurred_at: datetime
    """Time of that event."""


class ConsentWithEvidence(Model):
    """The permission for one address, channel and purpose, with everything that was said of it."""

    address: UUID
    """Node id of the address."""
    channel: str
    """The channel of contact; empty in an objection to every channel."""
    purpose: str
    """The purpose of the contact: marketing, service …"""
    allowed: bool
    """Whether contact is permitted."""
    reason: str
    """Why it is or is not permitted."""
    event_id: str
    """The event that decided it; `erased` for an objection, withdrawal or complaint that was
    kept when the person was erased."""
    occurred_at: datetime
    """Time of that event."""
    type: str
    """Type of the address; empty for the whole person."""
    value: str
    """The address; empty for the whole person, and where it is not known."""
    basis: str | None
    """The legal basis; null where contact is not permitted."""
    evidence: list[ConsentEvidence]
    """The events that speak for or against it, the earliest first; of many the latest."""
    evidence_count: int
    """How many there are."""
    sentence: str
    """What to tell the customer who asks."""


class ConsentWithEvidencePage(Model):
    """ConsentWithEvidencePage"""

    data: list[ConsentWithEvidence]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class ContactAddress(Model):
    """An address to be contacted."""

    type: str
    """Identifier type: email for e-mail; phone for phone, sms and voice; of other channels that
    of the identifier which the consent was given with."""
    value: str | int
    """The address or number, in any notation."""
    issuer: str | None = None
    """Who assigned the number; empty for e-mail addresses and telephone numbers."""


class ContactPressureView(Model):
    """Contact pressure"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["contact_pressure"] = "contact_pressure"
    subject: CustomerSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: PressureDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    handle: UUID
    """Any id that the profile ever had; resolve it through the map when reading."""
    window_days: int
    """Length of the window in days of 24 hours."""
    cap: int
    """The most contacts that the rules allow within it."""
    contacts: int
    """The most contacts that were within it at one time."""
    by_channel: dict[str, int]
    """Those contacts by channel."""
    next_allowed_at: datetime
    """From when on one more contact stays within the cap."""


class ContactQuestion(Model):
    """Whether addresses may be contacted on a channel for a purpose."""

    channel: str
    """One of the configured channels of contact."""
    purpose: str
    """One of the configured purposes."""
    addresses: list[ContactAddress]
    """The addresses."""


class ContentDetails(Model):
    """Which statements about a product contradict each other."""

    field: str
    """`title`, `pack`, `gtin` or `unit_price`."""
    expected: str
    """What is expected; of a unit price, what price and pack give."""
    observed: str
    """What the channel says."""
    terms: dict[str, str]
    """Variant and condition, if they differ from their defaults."""


class CustomerDataConflictView(Model):
    """Customer data conflict"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["customer_data_conflict"] = "customer_data_conflict"
    subject: CustomerSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: CustomerDataDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    handle: UUID
    """Any id that the profile ever had; resolve it through the map when reading."""
    field: str
    """`birth_date`, `last_name`, `postal_code` or `street`."""
    expected: str
    """A hint at what is expected, as in a masked profile: `M…`, or `…` alone."""
    observed: str
    """A hint at what the channel says."""


class CustomerDataDetails(Model):
    """Which attribute the channels disagree on. The values are hints."""

    field: str
    """`birth_date`, `last_name`, `postal_code` or `street`."""
    expected: str
    """A hint at what is expected, as in a masked profile: `M…`, or `…` alone."""
    observed: str
    """A hint at what the channel says."""


class CustomerSubject(Model):
    """One customer."""

    type: Literal["customer"] = "customer"
    handle: UUID
    """Any id that the profile ever had; resolve it through the map when reading."""


class DataFreshness(Model):
    """How far a realm has come: everything received until its watermark is in every answer."""

    realm: str
    """Brand or tenant."""
    watermark: datetime | None
    """Latest receipt of an event that was processed; null before the first."""
    channels: list[ChannelFreshness]
    """The same by channel."""


class DecisionOutcome(Model):
    """A decision with what it does."""

    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    a: WhyNode
    """One identifier."""
    b: WhyNode
    """The other one."""
    verdict: Verdict
    """same, different, or none for a decision that was taken back."""
    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: datetime
    """When."""
    refused_because: str | None
    """Why a decision `same` joins nobody now; null if it is in force."""
    blocked_by: list[WhyNode]
    """The identifiers that block it."""
    is_recorded: bool
    """False for a dry run, and for a decision that stands already."""
    effect: MapEffect
    """What it does to the map; workers apply it within moments."""


class DecisionStep(Model):
    """A step of the path that a person decided."""

    from_: WhyNode = Field(alias="from")
    """Where it begins."""
    to: WhyNode
    """Where it ends."""
    rule: str
    """`decision`."""
    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: str
    """When."""


class EdgeStep(Model):
    """A step of the path that an event proves."""

    from_: WhyNode = Field(alias="from")
    """Where it begins."""
    to: WhyNode
    """Where it ends."""
    event_id: str
    """The event that names both."""
    first_seen: str
    """Time of the earliest such event."""
    verified: bool
    """Whether every personal identifier is verified."""
    happened: WhyHappened | None
    """What happened in it; null if it was not looked up or is no longer stored."""
    rule: str
    """The rule that makes the link."""


class EvidenceEvent(Model):
    """An event that is evidence of a notice."""

    event_id: str
    """Its id."""
    occurred_at: datetime
    """When it happened, by its source."""
    channel: str
    """Its channel; empty if it is no longer stored."""
    system: str
    """`source.system`."""
    store: str
    """`source.store`; empty if none is named."""
    till: str
    """`source.till`; empty if none is named."""


class EvidenceSender(Model):
    """Who reported the events of a notice."""

    channel: str
    """The channel of the events."""
    system: str
    """`source.system`."""
    store: str
    """`source.store`; empty if none is named."""
    till: str
    """`source.till`; empty if none is named."""
    events: int
    """How many of the events that were looked at."""


class Explained(Model):
    """Why two identifiers are, or are not, one profile."""

    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    a: WhyNode
    """The first identifier."""
    b: WhyNode
    """The second one."""
    profile_a: str
    """The profile that holds the first."""
    profile_b: str
    """The profile that holds the second."""
    kind_a: str
    """What the profile of the first is: person, anonymous or shared; empty if it is on no map."""
    kind_b: str
    """What the profile of the second is."""
    profiles: list[str]
    """The profiles of all identifiers that the explanation names, those of the two first."""
    same: bool
    """Whether both belong to one profile."""
    path: list[EdgeStep | DecisionStep | dict[str, Any]]
    """The links from the first to the second, if they are one."""
    set_aside: list[SetAside]
    """Edges of the two that join nobody, and why."""
    decisions: list[WhyDecision]
    """What people decided about the two profiles, if they are two."""
    nearest: list[NearStep | DecisionStep | dict[str, Any]]
    """If they are two: the way between them with the fewest links that join nobody."""
    shared: list[WhyShared]
    """The identifiers that belong to nobody, of the two and of the way between them."""
    is_cut: bool
    """Whether there are more edges than were looked at or are shown: a path may be missing."""
    language: Language
    """Language of the sentences."""
    sentences: list[str]
    """The explanation in the words of customers."""


class Exposure(Model):
    """Who saw or paid the deviating price while it lasted, counted over deduplicated facts at
    read."""

    touchpoints: int
    """Touchpoints that showed or charged it."""
    customers: int
    """Known customers who saw or paid it."""
    orders: int
    """Orders and receipts that charged it, each once by its issuer and number."""
    overcharged: Decimal
    """Money that customers paid above the expected price; of an order that several events
    report, what the earliest says."""
    undercharged: Decimal
    """Money that customers paid below it."""


class FieldFault(Model):
    """What is wrong with one field of a request; its value is never repeated."""

    path: str
    """Where it is: `body.identifiers.0.type`, `query.limit` …"""
    message: str
    """What is wrong with it."""


class FoundProfile(Model):
    """A customer that a search found."""

    profile_id: UUID
    """Its profile now."""
    name: str
    """Title, first and last name of the golden record, as far as they are known."""
    kind: str
    """person, anonymous or shared."""
    matches: list[str]
    """What matched: identifiers as `TYPE=VALUE`, attributes as `NAME: VALUE`."""
    orders: int
    """Orders and receipts."""
    last_contact: datetime | None
    """Time of the latest touchpoint."""


class FoundProfilePage(Model):
    """FoundProfilePage"""

    data: list[FoundProfile]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class GivenIdentifier(Model):
    """An identifier as a client knows it."""

    type: str
    """Identifier type of the identity rules."""
    issuer: str | None = None
    """Who assigned the number; may be left out where only one issuer did."""
    value: str
    """The value, in any notation that events may use."""


class HouseholdMember(Model):
    """A person who belongs or belonged to a household, with the person's own figures."""

    profile_id: UUID
    """The person, whoever that is now."""
    kind: str
    """person, anonymous or shared."""
    name: str
    """Name of the golden record; empty if it is not known."""
    current: bool
    """Whether the person belongs to it now."""
    relation: str
    """What the person is in it now; empty if nobody said it."""
    orders: int
    """Orders of this person."""
    revenue: Decimal
    """Revenue of this person."""
    currency: str
    """Currency of the amounts: the realm's."""
    periods: list[HouseholdPeriod]
    """All times, the latest first."""


class HouseholdPeriod(Model):
    """A time in which somebody was the same in a household."""

    current: bool
    """Whether it is so at `as_of`."""
    since: datetime
    """From when on; may be in the future."""
    until: datetime | None
    """When it ends or ended; null: it goes on."""
    source: str
    """`source.system` of the event."""
    event_id: str
    """Id of the event."""
    occurred_at: datetime
    """Time of the event."""
    relation: str
    """As the source says it."""


class HouseholdSums(Model):
    """Sums over some members; nothing of it belongs to the household itself."""

    population: str
    """Over whom, and over which time."""
    persons: int
    """How many they are. Identifiers that several people use are no persons and are left out."""
    orders: int
    """Sum of their orders."""
    returns: int
    """Sum of their returns."""
    revenue: Decimal
    """Sum of their revenue."""
    returned: Decimal
    """Sum of what they returned."""
    currency: str
    """Currency of the amounts: the realm's. Amounts in others stand in the profiles."""


class HouseholdView(Model):
    """A household: its members beside each other. A view; nobody is joined by it."""

    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    household_id: str
    """Number of the household."""
    issuer: str
    """Who assigned the number."""
    members: list[HouseholdMember]
    """Those who belong to it now first, then by their ids."""
    sums: HouseholdSums
    """Figures of the members together."""
    as_of: datetime
    """When it was read."""


class IdentityDecision(Model):
    """What a person decided about two identifiers."""

    a: UUID
    """Node id of one."""
    b: UUID
    """Node id of the other."""
    verdict: Verdict
    """same, different, or none for a decision that was taken back."""
    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: datetime
    """When."""


class IdentityEdge(Model):
    """Two identifiers seen in one event. One end may belong to another profile."""

    a: UUID
    """Node id of one end."""
    a_type: str
    """Its type."""
    b: UUID
    """Node id of the other end."""
    b_type: str
    """Its type."""
    event_id: str
    """The event that names both."""
    first_seen: datetime
    """Time of the earliest such event."""
    verified: bool
    """Whether every personal identifier of the two is verified."""
    rule: str | None
    """The rule by which it joins its ends; null if it joins nobody."""
    why: str | None
    """Why it joins nobody; null if it joins its ends."""
    refused_because: str | None
    """The reason of a refusal."""
    blocked_by: list[UUID]
    """The identifiers that block a refused edge."""


class IdentityMember(Model):
    """One identifier of a profile."""

    node_id: UUID
    """Its node id, which always resolves."""
    type: str
    """Identifier type; empty if only the map knows it so far."""
    issuer: str
    """Who assigned it; empty if nobody did."""
    value: str
    """Its normalised value."""


class IncidentAction(Model):
    """One entry of the audit trail of an incident."""

    incident_id: str
    """The incident, by its whole id."""
    action: ActionKind
    """`ack`, `unack`, `mute` or `unmute`."""
    by: str
    """The acting account, by name or number."""
    reason: str
    """Why, in one line."""
    until: datetime | None
    """When a mute ends, in event time; none: until it is withdrawn."""
    acted_at: datetime
    """When it was done, by the clock of the command."""


class IncidentCount(Model):
    """How many incidents have the same values."""

    group: dict[str, str]
    """The values by field, in the order asked for; an empty `location` is the whole channel."""
    incidents: int
    """How many there are."""
    subjects: int
    """How many products, stores or customers they are about."""
    places: int
    """At how many places they are; the whole channel is one."""
    severities: dict[str, int]
    """How many of each severity, the worst first."""
    first_since: datetime
    """When the first of them began."""
    latest_since: datetime
    """When the latest of them began."""
    example: IncidentExample
    """The worst of them; of equally severe ones the oldest."""


class IncidentCounts(Model):
    """Numbers of incidents by the values of some fields, the worst first."""

    version: int
    """Version of this form."""
    counts: list[IncidentCount]
    """By number of critical ones, then of high ones, and so on."""
    is_complete: bool
    """Whether these are all groups; else the worst of them."""


class IncidentExample(Model):
    """One incident of several, in a few words."""

    incident_id: str
    """Its id."""
    kind: str
    """Its kind."""
    cause: str
    """Its likeliest cause."""
    subject: str
    """What it is about: of a product market and article number, else one id; no customer is
    named."""
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    in_words: str
    """The contradiction."""


class IncidentList(Model):
    """One page of incidents."""

    data: list[
        AvailabilityMismatchView
        | ChargedAboveAdvertisedView
        | ChargedAboveShownView
        | ContactPressureView
        | CustomerDataConflictView
        | LoyaltyBalanceMismatchView
        | MarketingWithoutConsentView
        | MissingOnChannelView
        | PriceMismatchView
        | ProductContentMismatchView
        | PromotionMismatchView
        | RecordsMismatchView
        | ReductionWithoutLowestPriceView
        | ReplyOverdueView
        | StoreDataMismatchView
        | ToldTwiceView
        | dict[str, Any]
    ]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class InsightScore(Model):
    """What a measure says of one customer."""

    score: str
    """Its name: that of the measure, or of a part of it."""
    definition: str
    """Name and version of the measure's definition, as `channel_preference/1`."""
    value: float | None
    """The number; null where there is none."""
    unit: str
    """Unit of the number, as of measures."""
    word: str | None
    """What it says in a word, as a channel or the name of a group; null where it says none."""
    at: datetime | None
    """The time that it names, as that of the next allowed contact; null where it names none."""
    since: datetime | None
    """Since when it is so, by the events; null where that is not known."""
    compared_with: datetime | None
    """Of a score that compares with the other customers, when these were measured."""
    absent: ScoreAbsence | None
    """Why there is none; null where there is one."""
    reasons: list[ScoreReason]
    """What it rests on; of an absent one what is missing."""


class Interval(Model):
    """Confidence interval of a value."""

    low: float
    """Lower end."""
    high: float
    """Upper end."""
    level: float
    """Confidence level, as 0.95."""


class KeptMeasure(Model):
    """What a measure was when it was computed."""

    map_version: str
    """The version of the profile map that it was computed from: with another one other
    identifiers may belong together. A whole number, as text."""
    result: MeasureResult
    """The result as it was."""


class KeptMeasurePage(Model):
    """KeptMeasurePage"""

    data: list[KeptMeasure]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class KeyOwner(Model):
    """Whom a key belongs to."""

    key_id: str
    """Names the key; no secret."""
    name: str
    """What its owner is called."""
    realm: str | None
    """The realm it may read; null for a key of the settings, which reads none."""
    scopes: list[str]
    """What it may do."""


class LetterHeader(Model):
    """A header that a record had before it was rejected."""

    name: str
    """Its name."""
    value: str
    """Its value as text."""
    value_base64: str
    """Its bytes."""


class ListedConflict(Model):
    """An order whose reports contradict each other."""

    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    issuer: str
    """Who assigned the number."""
    order_id: str
    """The number."""
    differs: list[Contradiction]
    """In what the reports contradict each other; `issuer`: of these reports none placed the
    order, but other issuers have one of that number; `return`: several returns under one
    number."""
    reports: list[ListedReport]
    """All reports: first those that it was placed, of which the first one counts with its
    customer and amount, then cancellations and returns."""


class ListedConflictPage(Model):
    """ListedConflictPage"""

    data: list[ListedConflict]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class ListedDecision(Model):
    """What a person decided about two identifiers."""

    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    a: WhyNode
    """One identifier."""
    b: WhyNode
    """The other one."""
    verdict: Verdict
    """same, different, or none for a decision that was taken back."""
    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: datetime
    """When."""
    refused_because: str | None
    """Why a decision `same` joins nobody now; null if it is in force."""
    blocked_by: list[WhyNode]
    """The identifiers that block it."""


class ListedDecisionPage(Model):
    """ListedDecisionPage"""

    data: list[ListedDecision]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class ListedMeasure(Model):
    """One measure."""

    measure: str
    """Its name."""
    definition: str
    """Name and version of its definition."""
    population: str
    """Who is counted."""
    title: str
    """What it says."""


class ListedMeasurePage(Model):
    """ListedMeasurePage"""

    data: list[ListedMeasure]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class ListedNotice(Model):
    """An identifier or a person that somebody should look at."""

    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    notice: NoticeKind
    """What is unusual."""
    node_id: UUID
    """The identifier; of a person the profile id."""
    type: str
    """Its type."""
    issuer: str
    """Who assigned it; empty if nobody did."""
    value: str
    """Its normalised value."""
    counted: str
    """Type of the identifiers that were counted; empty for those of all types, or purchases."""
    count: int
    """How many of them it stands for, or the person has."""
    since: datetime | None
    """When the limit of a day was exceeded first, in event time; null for the other notices."""
    shared: bool
    """Whether the identifier joins nobody."""
    evidence: NoticeEvidence
    """The events it rests on."""
    proposal: ProposedDecision
    """What to do about it."""


class ListedNoticePage(Model):
    """ListedNoticePage"""

    data: list[ListedNotice]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class ListedReport(Model):
    """One report of an order."""

    event_id: str
    """The event that reports it."""
    action: str
    """placed, cancelled or returned."""
    occurred_at: datetime
    """When that was, according to this report."""
    channel: str
    """Channel of the report."""
    store: str
    """Store; empty if none is named."""
    profile_id: UUID | None
    """The customer; null if the report names nobody."""
    amount: Decimal | None
    """Own products and services after discounts; null if the whole order is cancelled."""
    currency: str
    """Currency of the amount: that of the order, if the report states none."""


class ListedSegment(Model):
    """One segment."""

    segment: str
    """Its id."""
    title: str
    """What it is called."""
    purpose: str
    """What it is for."""
    channel: str | None
    """On which channel members are contacted."""
    number: int
    """Number of its definition."""
    applied_at: datetime
    """When the definition was put in force."""
    members: int | None
    """How many belong to it; null where that is hidden: fewer than five, and who asks may not
    read members."""
    as_of: datetime | None
    """Tick up to which its members are right, in event time; null on a server, whose segments
    are as of the last time that definitions were applied."""
    body: dict[str, Any]
    """The definition as a file has it."""


class ListedSegmentPage(Model):
    """ListedSegmentPage"""

    data: list[ListedSegment]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class ListedSuggestion(Model):
    """Two profiles that may be one person."""

    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    suggestion_id: str
    """Its id."""
    kind: SuggestionKind
    """Why they are proposed."""
    state: SuggestionState
    """What became of it."""
    node_id: UUID
    """The profile id of one when it was found; resolves for ever."""
    other_node_id: UUID
    """That of the other."""
    probability: float | None
    """That they are one person; null of kind `stated`."""
    weight: float | None
    """Of the pair, in powers of two; null of kind `stated`."""
    parts: list[SuggestionPart]
    """What each field says."""
    notes: list[SuggestionNote]
    """What to look at before it is accepted."""
    event_ids: list[str]
    """Of kind `stated`: events that name both."""
    created_at: datetime
    """When it was found first."""
    refreshed_at: datetime
    """When it was found last, or not found again."""
    model: str
    """Version of the weights; empty of kind `stated`."""


class ListedSuggestionPage(Model):
    """ListedSuggestionPage"""

    data: list[ListedSuggestion]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class LookupBody(Model):
    """A question for a customer by identifiers."""

    identifiers: list[GivenIdentifier]
    """Identifiers that may all be of the same customer."""


class LoyaltyBalanceMismatchView(Model):
    """Loyalty balance mismatch"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["loyalty_balance_mismatch"] = "loyalty_balance_mismatch"
    subject: CustomerSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: LoyaltyDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    handle: UUID
    """Any id that the profile ever had; resolve it through the map when reading."""
    programme: str
    """The programme as it is written; empty if no statement names one."""
    card: str
    """Node id of the loyalty card; empty if no statement names one."""
    field: str
    """`points_balance` or `tier`."""
    expected: str
    """What follows from the other statements."""
    observed: str
    """What the channel says."""


class LoyaltyDetails(Model):
    """Which statements about a loyalty account contradict each other."""

    programme: str
    """The programme as it is written; empty if no statement names one."""
    card: str
    """Node id of the loyalty card; empty if no statement names one."""
    field: str
    """`points_balance` or `tier`."""
    expected: str
    """What follows from the other statements."""
    observed: str
    """What the channel says."""


class MapEffect(Model):
    """What a decision does to the map."""

    together_before: bool
    """Whether one profile holds both identifiers without it."""
    together_after: bool
    """Whether one profile holds both with it."""
    refused_because: str | None
    """Why a decision `same` joins nobody; null if it is not refused."""
    blocked_by: list[WhyNode]
    """The identifiers that block it."""
    before: list[ConcernedProfile]
    """The profiles that it concerns, the largest first."""
    after: list[ConcernedProfile]
    """The same identifiers as profiles with it."""
    moved_count: int
    """How many identifiers change their profile. A profile that only gets another id counts."""
    moved: list[MovedIdentifier]
    """The first of them."""
    is_cut: bool
    """Whether there are more profiles or identifiers than are listed."""


class MarketingWithoutConsentView(Model):
    """Marketing without consent"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["marketing_without_consent"] = "marketing_without_consent"
    subject: CustomerSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: ConsentBreachDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    handle: UUID
    """Any id that the profile ever had; resolve it through the map when reading."""
    purpose: str
    """Purpose of the messages."""
    sender: str
    """`source.system` of the messages."""
    messages: int
    """How many messages were sent without permission; one that two events report is one."""
    refused_at: datetime | None
    """Since when there is no permission, by the latest word; null without any."""


class MeasureResult(Model):
    """A measure of a population in a window."""

    n: int | None
    """Customers it is about; null if suppressed."""
    value: float | None
    """The value; null if suppressed or undefined."""
    unit: str
    """Unit of the value: `share`, `customers`, `purchases`, `points`, a currency; empty for a
    bare number."""
    interval: Interval | None
    """Confidence interval, where one is defined."""
    version: int
    """Version of this form."""
    measure: str
    """Name of the measure."""
    definition: str
    """Name and version of the definition, as `nps/1`; figures of two definitions differ."""
    realm: str
    """Brand or tenant."""
    population: str
    """Who is counted."""
    segment: str
    """Of these the members of this segment alone; empty: all."""
    window: Span
    """The window, in event time."""
    as_of: datetime
    """When it was computed, from all facts stored by then and the profile map of then."""
    counts: dict[str, int]
    """What the value is made of; empty if suppressed."""
    breakdown: list[Cell]
    """The same, or accompanying figures, by group."""
    flags: list[Flag]
    """What a reader must know."""


class MergedProfile(Model):
    """Where the profile of an id is now."""

    requested_id: UUID
    """The id asked for."""
    merged_into: UUID
    """The profile that holds it now."""


class MissingDetails(Model):
    """Who offers the product, and since when."""

    reference: str
    """The channel that offers it."""
    offered_since: datetime
    """Since when that channel does."""
    last_shown: datetime | None
    """When the channel that lacks it showed or withdrew it last; empty if it never did."""


class MissingOnChannelView(Model):
    """Missing on a channel"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["missing_on_channel"] = "missing_on_channel"
    subject: ProductSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: MissingDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    market: str
    """Sales market."""
    sku: str
    """Article number, or the gtin if there is none."""
    reference: str
    """The channel that offers it."""
    offered_since: datetime
    """Since when that channel does."""
    last_shown: datetime | None
    """When the channel that lacks it showed or withdrew it last; empty if it never did."""


class MovedIdentifier(Model):
    """An identifier that another profile holds after the decision."""

    identifier: WhyNode
    """The identifier."""
    from_profile_id: UUID
    """The profile that held it."""
    to_profile_id: UUID
    """The profile that holds it then."""


class NearStep(Model):
    """A step of the nearest connection of two profiles."""

    from_: WhyNode = Field(alias="from")
    """Where it begins."""
    to: WhyNode
    """Where it ends."""
    event_id: str
    """The event that names both."""
    first_seen: str
    """Time of the earliest such event."""
    verified: bool
    """Whether every personal identifier is verified."""
    happened: WhyHappened | None
    """What happened in it; null if it was not looked up or is no longer stored."""
    refused_because: str | None
    """The reason of a refusal."""
    blocked_by: list[WhyNode]
    """The identifiers that block a refused edge."""
    decided: WhyDecided | None
    """The decision that keeps them apart, if it is one that does."""
    rule: str | None
    """The rule by which it joins its ends; null if it joins nobody."""
    why: str | None
    """Why it joins nobody; null if it joins its ends."""


class NewAnswer(Model):
    """What is decided about a suggestion."""

    accept: bool
    """Whether the two are one customer."""
    reason: str
    """Why, in one line."""
    dry_run: bool | None = None
    """Only say what would happen. By default False."""


class NewDecision(Model):
    """What is decided about two identifiers."""

    a: str
    """A node id, TYPE[@ISSUER]=VALUE, or a bare e-mail address, phone number or other number."""
    b: str
    """The other one."""
    verdict: Verdict
    """same, different, or none to take the decision about them back."""
    reason: str
    """Why, in one line."""
    dry_run: bool | None = None
    """Only say what would happen. By default False."""
    unseen: bool | None = None
    """Whether an identifier may be one that no event has named yet. By default False."""


class NewIncidentAction(Model):
    """An action on an incident."""

    action: ActionKind
    """`ack`, `unack`, `mute` or `unmute`."""
    reason: str
    """Why, in one line."""
    until: datetime | None = None
    """When a mute ends, in event time; none: until it is withdrawn."""


class NoticeEvidence(Model):
    """What a notice rests on."""

    events: int
    """How many links or purchases there are."""
    is_cut: bool
    """Whether there are more, which were not looked at."""
    first_at: datetime | None
    """When the first one happened."""
    latest_at: datetime | None
    """When the latest one happened."""
    most_in_a_day: int
    """The most of them within 24 hours."""
    profiles: int
    """How many profiles hold the identifiers at the other ends."""
    senders: list[EvidenceSender]
    """Who reported them, most events first."""
    samples: list[EvidenceEvent]
    """The first one, the latest one and some between."""


class OrderCancellation(Model):
    """A report that an order, or some lines of it, were cancelled."""

    event_id: str
    """The event that reports it."""
    occurred_at: datetime
    """When that was, according to this report."""
    channel: str
    """Channel of the report."""
    store: str
    """Store; empty if none is named."""
    is_whole: bool
    """Whether the whole order is cancelled."""
    value: Decimal | None
    """What is cancelled, own products and services; null for the whole order."""
    currency: str
    """Currency of the value."""


class OrderEvent(Model):
    """A report of an order."""

    event_id: str
    """The event that reports it."""
    occurred_at: datetime
    """When that was, according to this report."""
    channel: str
    """Channel of the report."""
    store: str
    """Store; empty if none is named."""


class OrderReturn(Model):
    """A return, counted once however many systems report it."""

    event_id: str
    """The event that reports it."""
    occurred_at: datetime
    """When that was, according to this report."""
    channel: str
    """Channel of the report."""
    store: str
    """Store; empty if none is named."""
    return_id: str
    """Its number."""
    value: Decimal
    """Value of the returned products and services."""
    currency: str
    """Currency of the value."""
    lines: list[OrderedLine]
    """What came back."""
    reports: int
    """How many events report it."""


class OrderedLine(Model):
    """A line of an order or return, as the report that counts says it."""

    sku: str
    """Article number; empty if none is named."""
    kind: str
    """product, service, shipping, deposit, gift_card, fee or donation."""
    category: str
    """Category of the article; empty if none is named."""
    quantity: Decimal
    """Pieces, or kilograms of weighed goods."""
    total: Decimal
    """Gross total after discounts, in the currency of the order."""


class PageEnd(Model):
    """How a list goes on."""

    next: str | None
    """The `cursor` of the next page; null at the end of the list."""
    has_more: bool
    """Whether there is a next page."""


class PersonInsights(Model):
    """The scores of one customer, or the objection alone."""

    version: int
    """Version of this form."""
    profile_id: UUID
    """The customer."""
    realm: str
    """Brand or tenant."""
    as_of: datetime
    """When it was read."""
    objection: ProfilingObjection | None
    """The objection to profiling; null where there is none. With one there are no scores."""
    scores: list[InsightScore]
    """The scores, by name, those that are absent included."""


class PressureDetails(Model):
    """How many contacts there were, and when the next one is allowed."""

    window_days: int
    """Length of the window in days of 24 hours."""
    cap: int
    """The most contacts that the rules allow within it."""
    contacts: int
    """The most contacts that were within it at one time."""
    by_channel: dict[str, int]
    """Those contacts by channel."""
    next_allowed_at: datetime
    """From when on one more contact stays within the cap."""


class PriceDetails(Model):
    """Which prices contradict each other."""

    expected: Decimal
    """The price that was expected at that time."""
    observed: Decimal
    """The worst deviating price since the incident opened; before that, the latest one."""
    currency: str
    """Currency of both prices."""
    observed_currency: str
    """Currency of the observed price, if it is another."""
    terms: dict[str, str]
    """The terms under which the prices are compared, as far as they differ from: piece, gross,
    new, for everybody."""
    linked_sku: str
    """Of a product that is named by its GTIN: the article number that other channels name
    beside it, if there is one and no other."""


class PriceMismatchView(Model):
    """Price mismatch"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["price_mismatch"] = "price_mismatch"
    subject: ProductSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: PriceDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    market: str
    """Sales market."""
    sku: str
    """Article number, or the gtin if there is none."""
    expected: Decimal
    """The price that was expected at that time."""
    observed: Decimal
    """The worst deviating price since the incident opened; before that, the latest one."""
    currency: str
    """Currency of both prices."""
    observed_currency: str
    """Currency of the observed price, if it is another."""
    linked_sku: str
    """Of a product that is named by its GTIN: the article number that other channels name
    beside it, if there is one and no other."""


class ProblemBody(Model):
    """An error answer (RFC 9457). Members beside these belong to single codes."""

    type: str
    """Reference of the code's page, relative to the service."""
    code: str
    """What went wrong, for programs; the codes are a closed list."""
    title: str
    """The code in words."""
    status: int
    """The HTTP status."""
    detail: str
    """What is wrong with this request, for people."""
    request_id: str
    """The id of the request, as in the header X-Request-ID and in the log."""
    errors: list[FieldFault]
    """The faults of single fields."""


class ProductContentMismatchView(Model):
    """Product content mismatch"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["product_content_mismatch"] = "product_content_mismatch"
    subject: ProductSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: ContentDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    market: str
    """Sales market."""
    sku: str
    """Article number, or the gtin if there is none."""
    field: str
    """`title`, `pack`, `gtin` or `unit_price`."""
    expected: str
    """What is expected; of a unit price, what price and pack give."""
    observed: str
    """What the channel says."""


class ProductSubject(Model):
    """One product in one sales market."""

    type: Literal["product"] = "product"
    market: str
    """Sales market."""
    sku: str
    """Article number, or the gtin if there is none."""


class Profile(Model):
    """Everything known about one customer."""

    profile_id: UUID
    """Node id of the profile's canonical identifier; one of its handles."""
    realm: str
    """Brand or tenant."""
    identifiers_count: int
    """How many identifiers belong to it."""
    orders: int
    """Orders and receipts that were not cancelled, each counted once across systems."""
    returns: int
    """Returns, each counted once."""
    cancellations: int
    """Orders that were cancelled as a whole."""
    revenue: Decimal
    """Gross totals of own product and service lines after discounts, less what was cancelled."""
    returned: Decimal
    """Value of the returned goods."""
    currency: str
    """Currency of the amounts: the realm's."""
    first_contact: datetime | None
    """Time of the first touchpoint."""
    last_contact: datetime | None
    """Time of the latest touchpoint, no matter who made it."""
    last_active: datetime | None
    """Time of the latest thing that the customer did: no mail that was sent, no open or click
    by a program."""
    channels: list[str]
    """Channels of its touchpoints, in alphabetical order."""
    version: int
    """Version of this output."""
    requested_id: UUID
    """The handle asked for; differs from `profile_id` if it was merged into that profile."""
    kind: str
    """person, anonymous or shared."""
    identifiers: list[ProfileIdentifier]
    """Ordered by type, issuer and value."""
    attributes: dict[str, list[AttributeValue] | AttributeValue]
    """One value each; a list where the rule is `union`."""
    preferences: dict[str, AttributeValue]
    """Attributes named `preference.…`, without that prefix."""
    consents: list[ConsentState]
    """Contact permission for every address, channel and purpose that an event named."""
    accounts: list[ProfileAccount]
    """Business accounts of which the person is or was a contact, the latest first."""
    households: list[ProfileHousehold]
    """Households to which the person belongs or belonged, the latest first."""
    other_currencies: dict[str, Decimal]
    """Revenue in other currencies; listed, never added."""
    returned_other_currencies: dict[str, Decimal]
    """Value of returned goods in other currencies; listed, never added."""
    as_of: datetime
    """When it was read."""


class ProfileAccount(Model):
    """The person as a contact of a business account; an entry for each change of roles."""

    current: bool
    """Whether it is so at `as_of`."""
    since: datetime
    """From when on; may be in the future."""
    until: datetime | None
    """When it ends or ended; null: it goes on."""
    source: str
    """`source.system` of the event."""
    event_id: str
    """Id of the event."""
    occurred_at: datetime
    """Time of the event."""
    account_id: str
    """Number of the account; of one that was merged, that of the account that stands for it."""
    issuer: str
    """Who assigned the number."""
    name: str
    """Name of the company; empty if nobody said it."""
    roles: list[str]
    """user, buyer, influencer, decider, gatekeeper or other; none if they are not known."""
    job_title: str
    """What the company calls it."""


class ProfileHousehold(Model):
    """The person as a member of a household; its members stay persons of their own."""

    current: bool
    """Whether it is so at `as_of`."""
    since: datetime
    """From when on; may be in the future."""
    until: datetime | None
    """When it ends or ended; null: it goes on."""
    source: str
    """`source.system` of the event."""
    event_id: str
    """Id of the event."""
    occurred_at: datetime
    """Time of the event."""
    household_id: str
    """Number of the household."""
    issuer: str
    """Who assigned the number."""
    relation: str
    """What the person is in it, as the source says it; empty if it does not."""


class ProfileIdentifier(Model):
    """One identifier of a profile. `last_seen` comes from the facts that it anchors or is on."""

    type: str
    """Identifier type of the identity rules."""
    issuer: str
    """Who assigned the number; empty for e-mail and phone."""
    value: str
    """The value in its normalised form."""
    node_id: UUID
    """The identifier's own handle, which always resolves."""
    last_seen: datetime | None
    """Time of the latest touchpoint that names it."""


class ProfileIdentity(Model):
    """The identifiers of a profile, a page of them, with their edges and decisions."""

    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    profile_id: UUID
    """The profile."""
    kind: str
    """person, anonymous or shared."""
    members_count: int
    """How many identifiers it has."""
    members: list[IdentityMember]
    """Its identifiers, by node id."""
    edges: list[IdentityEdge]
    """Edges at these identifiers, by their ends."""
    decisions: list[IdentityDecision]
    """Decisions about these identifiers."""
    is_cut: bool
    """Whether these identifiers have more edges or decisions than are shown."""
    page: PageEnd
    """The next identifiers."""


class ProfileOrder(Model):
    """One order of a customer; time, place, lines and value are those of the report that
    counts."""

    event_id: str
    """The event that reports it."""
    occurred_at: datetime
    """When that was, according to this report."""
    channel: str
    """Channel of the report."""
    store: str
    """Store; empty if none is named."""
    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    profile_id: UUID
    """The customer."""
    issuer: str
    """Who assigned the number."""
    order_id: str
    """The number; empty for a return that names no order."""
    state: OrderState
    """What became of it."""
    value: Decimal | None
    """Gross total of own product and service lines after discounts; null if it is unknown."""
    revenue: Decimal
    """The same less what was cancelled; zero of a cancelled order."""
    currency: str
    """Currency of the amounts."""
    lines: list[OrderedLine]
    """Its lines."""
    reported_by: list[OrderEvent]
    """Every report that it was placed, the earliest first."""
    cancellations: list[OrderCancellation]
    """Reports of cancellations, the earliest first."""
    returns: list[OrderReturn]
    """Its returns, the earliest first."""
    is_cut: bool
    """Whether one of these lists is longer than what is shown of it."""


class ProfileOrderPage(Model):
    """ProfileOrderPage"""

    data: list[ProfileOrder]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class ProfilePart(Model):
    """Some fields of a profile."""

    profile_id: UUID | None = None
    """Node id of the profile's canonical identifier; one of its handles."""
    realm: str | None = None
    """Brand or tenant."""
    identifiers_count: int | None = None
    """How many identifiers belong to it."""
    orders: int | None = None
    """Orders and receipts that were not cancelled, each counted once across systems."""
    returns: int | None = None
    """Returns, each counted once."""
    cancellations: int | None = None
    """Orders that were cancelled as a whole."""
    revenue: Decimal | None = None
    """Gross totals of own product and service lines after discounts, less what was cancelled."""
    returned: Decimal | None = None
    """Value of the returned goods."""
    currency: str | None = None
    """Currency of the amounts: the realm's."""
    first_contact: datetime | None = None
    """Time of the first touchpoint."""
    last_contact: datetime | None = None
    """Time of the latest touchpoint, no matter who made it."""
    last_active: datetime | None = None
    """Time of the latest thing that the customer did: no mail that was sent, no open or click
    by a program."""
    channels: list[str] | None = None
    """Channels of its touchpoints, in alphabetical order."""
    version: int | None = None
    """Version of this output."""
    requested_id: UUID | None = None
    """The handle asked for; differs from `profile_id` if it was merged into that profile."""
    kind: str | None = None
    """person, anonymous or shared."""
    identifiers: list[ProfileIdentifier] | None = None
    """Ordered by type, issuer and value."""
    attributes: dict[str, list[AttributeValue] | AttributeValue] | None = None
    """One value each; a list where the rule is `union`."""
    preferences: dict[str, AttributeValue] | None = None
    """Attributes named `preference.…`, without that prefix."""
    consents: list[ConsentState] | None = None
    """Contact permission for every address, channel and purpose that an event named."""
    accounts: list[ProfileAccount] | None = None
    """Business accounts of which the person is or was a contact, the latest first."""
    households: list[ProfileHousehold] | None = None
    """Households to which the person belongs or belonged, the latest first."""
    other_currencies: dict[str, Decimal] | None = None
    """Revenue in other currencies; listed, never added."""
    returned_other_currencies: dict[str, Decimal] | None = None
    """Value of returned goods in other currencies; listed, never added."""
    as_of: datetime | None = None
    """When it was read."""


class ProfileSegment(Model):
    """A segment that a customer belongs to."""

    segment: str
    """Its id."""
    title: str
    """What it is called."""
    purpose: str
    """What it is for."""
    since: datetime
    """Tick at which the membership was found, in event time."""
    because: list[str]
    """Ids of the latest events that the conditions look at, the latest first."""
    definition: int
    """Number of the definition."""


class ProfileSegmentPage(Model):
    """ProfileSegmentPage"""

    data: list[ProfileSegment]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class ProfilingObjection(Model):
    """That the customer must not be scored."""

    reason: str
    """objected; withdrawn, as consent to profiling was; or suppressed: nothing of the customer
    may be processed."""
    event_id: str | None
    """The event that says so; null where an erasure removed it, and of a suppression."""
    occurred_at: datetime
    """When it was said."""
    kept_after_erasure: bool
    """Whether it is all that was kept when the customer was erased."""


class PromotionDetails(Model):
    """Which term of which promotion differs."""

    promotion: str
    """Id of the promotion."""
    term: PromotionTerm
    """The term that differs."""
    expected: str
    """What is expected; times in UTC, several values with commas, nothing for everybody."""
    observed: str
    """What the channel says."""


class PromotionMismatchView(Model):
    """Promotion mismatch"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["promotion_mismatch"] = "promotion_mismatch"
    subject: ProductSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: PromotionDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    market: str
    """Sales market."""
    sku: str
    """Article number, or the gtin if there is none."""
    promotion: str
    """Id of the promotion."""
    term: PromotionTerm
    """The term that differs."""
    expected: str
    """What is expected; times in UTC, several values with commas, nothing for everybody."""
    observed: str
    """What the channel says."""


class ProposedDecision(Model):
    """What to do about a notice."""

    action: ProposedAction
    """The kind of decision."""
    text: str
    """In words."""
    rules: str
    """A line for the row of the type in the identity rules; empty if nothing is to be blocked,
    or values are masked."""
    pair: list[UUID]
    """Two identifiers to look at, and perhaps to decide about; empty if it is another decision."""


class RecordsDetails(Model):
    """The closing, and what arrived of it."""

    number: str
    """Number of the closing (Z_NR)."""
    expected_receipts: int
    """How many receipts the closing counts."""
    observed_receipts: int
    """How many arrived."""
    expected_gross: Decimal
    """Total of the closing."""
    observed_gross: Decimal | None
    """Total of the receipts that arrived; empty if it is not known of all."""
    currency: str
    """Currency of the closing."""
    missing_numbers: str
    """Numbers (BON_NR) of the missing receipts, if they are certain: the first 20."""


class RecordsMismatchView(Model):
    """Records mismatch"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["records_mismatch"] = "records_mismatch"
    subject: SourceSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: RecordsDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    id: str
    """Its `source.system`; of a till `STORE/TILL/DAY`, as 12/3/2026-03-02; of a shop
    `CHANNEL:DAY`, as shop:2026-03-02."""
    number: str
    """Number of the closing (Z_NR)."""
    expected_receipts: int
    """How many receipts the closing counts."""
    observed_receipts: int
    """How many arrived."""
    expected_gross: Decimal
    """Total of the closing."""
    observed_gross: Decimal | None
    """Total of the receipts that arrived; empty if it is not known of all."""
    currency: str
    """Currency of the closing."""
    missing_numbers: str
    """Numbers (BON_NR) of the missing receipts, if they are certain: the first 20."""


class ReductionDetails(Model):
    """What is announced, and the price that it must be measured from."""

    price: Decimal
    """The reduced price."""
    lowest_price: Decimal
    """The lowest price in the days before the reduction."""
    former_price: Decimal | None
    """The former price that is announced, if one is."""
    reduction_percent: Decimal | None
    """The percentage that is announced, if one is."""
    currency: str
    """Currency of all prices."""
    reduced_since: datetime
    """When the reduction began, with its first step."""
    lowest_since: datetime
    """From when on the lowest price was asked, the latest time."""
    terms: dict[str, str]
    """Pack, unit, variant and condition, if they are not the usual ones."""


class ReductionWithoutLowestPriceView(Model):
    """Reduction without lowest price"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["reduction_without_lowest_price"] = "reduction_without_lowest_price"
    subject: ProductSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: ReductionDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    market: str
    """Sales market."""
    sku: str
    """Article number, or the gtin if there is none."""
    price: Decimal
    """The reduced price."""
    lowest_price: Decimal
    """The lowest price in the days before the reduction."""
    former_price: Decimal | None
    """The former price that is announced, if one is."""
    reduction_percent: Decimal | None
    """The percentage that is announced, if one is."""
    currency: str
    """Currency of all prices."""
    reduced_since: datetime
    """When the reduction began, with its first step."""
    lowest_since: datetime
    """From when on the lowest price was asked, the latest time."""


class RejectedCounts(Model):
    """Rejected events by reason."""

    version: int
    """Version of this form."""
    counts: list[RejectedReason]
    """By reason, in alphabetical order."""
    total: int
    """Of all reasons."""
    is_complete: bool
    """Whether all were counted; otherwise only the latest, as many as can be read in time."""


class RejectedItem(Model):
    """A rejected event without its content."""

    version: int
    """Version of this form."""
    reject_id: str
    """Its id; of a dead letter `<partition>:<offset>`."""
    reason: str
    """Why it was rejected; `unknown` for a record that no worker wrote."""
    path: str
    """The field at fault, as `body.lines.0.total`."""
    message: str
    """What is wrong with it; never quotes the value."""
    event_id: str
    """The event's own id, as far as it could be read."""
    received_at: datetime | None
    """When it was received; null for a record that no worker wrote."""
    raw_bytes: int
    """Size of the whole event."""
    advice: str
    """What to do about it."""


class RejectedLetterItem(Model):
    """A dead letter without its content."""

    version: int
    """Version of this form."""
    reject_id: str
    """Its id; of a dead letter `<partition>:<offset>`."""
    reason: str
    """Why it was rejected; `unknown` for a record that no worker wrote."""
    path: str
    """The field at fault, as `body.lines.0.total`."""
    message: str
    """What is wrong with it; never quotes the value."""
    event_id: str
    """The event's own id, as far as it could be read."""
    received_at: datetime | None
    """When it was received; null for a record that no worker wrote."""
    raw_bytes: int
    """Size of the whole event."""
    advice: str
    """What to do about it."""
    rejected_at: datetime
    """When it was written."""
    source_topic: str
    """The topic it came from; empty for an event that came over HTTP."""
    source_partition: int
    """The partition of that topic; -1 for none."""
    source_offset: int
    """The offset in that partition; -1 for none."""
    is_whole: bool
    """Whether all of it was kept."""


class RejectedList(Model):
    """One page of rejected events."""

    data: list[RejectedLetterItem | RejectedItem | dict[str, Any]]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class RejectedReason(Model):
    """Rejected events of one reason."""

    reason: str
    """The reason."""
    count: int
    """How many there are."""


class ReplyDetails(Model):
    """How long a customer waits, and how often he has asked."""

    promised_minutes: int
    """Minutes of service within which the answer was promised."""
    contacts: int
    """How many times the customer has asked since."""


class ReplyOverdueView(Model):
    """Reply overdue"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["reply_overdue"] = "reply_overdue"
    subject: CaseSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: ReplyDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    id: str
    """Number of the case."""
    promised_minutes: int
    """Minutes of service within which the answer was promised."""
    contacts: int
    """How many times the customer has asked since."""


class ScoreReason(Model):
    """What a score rests on."""

    what: str
    """In words."""
    points: float | None
    """What it contributes, of scores that are a sum."""
    event_ids: list[str]
    """The latest events that say so."""


class SearchBody(Model):
    """A question for customers by what is known of them: by a text, by attributes, or by both."""

    text: str | None = None
    """Part of an identifier or of an attribute that was ever reported, in any letter case."""
    attributes: dict[str, Any] | None = None
    """Values of the golden record by attribute, in any letter case."""
    limit: int | None = None
    """Most customers. By default 20."""
    cursor: str | None = None
    """`page.next` of the page before; empty for the first page."""


class SegmentMember(Model):
    """A member of a segment."""

    profile_id: UUID
    """The profile that holds the member now."""
    since: datetime
    """Tick at which the membership was found, in event time."""
    because: list[str]
    """Ids of the latest events that the conditions look at, the latest first."""
    definition: int
    """Number of the definition."""


class SegmentMemberPage(Model):
    """SegmentMemberPage"""

    data: list[SegmentMember]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class SetAside(Model):
    """An edge that joins nobody, and why."""

    from_: WhyNode = Field(alias="from")
    """Where it begins."""
    to: WhyNode
    """Where it ends."""
    event_id: str
    """The event that names both."""
    first_seen: str
    """Time of the earliest such event."""
    verified: bool
    """Whether every personal identifier is verified."""
    happened: WhyHappened | None
    """What happened in it; null if it was not looked up or is no longer stored."""
    refused_because: str | None
    """The reason of a refusal."""
    blocked_by: list[WhyNode]
    """The identifiers that block a refused edge."""
    decided: WhyDecided | None
    """The decision that keeps them apart, if it is one that does."""
    why: str
    """Why it joins nobody."""


class ShownDetails(Model):
    """What a customer was shown, and what was charged."""

    market: str
    """Sales market."""
    sku: str
    """The article."""
    expected: Decimal
    """The price that the customer was shown."""
    observed: Decimal
    """The price that was charged, before personal discounts."""
    currency: str
    """Currency of both prices."""
    quantity: Decimal
    """How much was bought at that price."""
    order_id: str
    """The order or receipt."""
    shown_on: str
    """The channel on which the lower price was shown."""
    minutes: int
    """Whole minutes between both."""


class ShownRejectedItem(Model):
    """A rejected event, whole."""

    version: int
    """Version of this form."""
    reject_id: str
    """Its id; of a dead letter `<partition>:<offset>`."""
    reason: str
    """Why it was rejected; `unknown` for a record that no worker wrote."""
    path: str
    """The field at fault, as `body.lines.0.total`."""
    message: str
    """What is wrong with it; never quotes the value."""
    event_id: str
    """The event's own id, as far as it could be read."""
    received_at: datetime | None
    """When it was received; null for a record that no worker wrote."""
    raw_bytes: int
    """Size of the whole event."""
    raw: str
    """The event as it was sent, truncated if it is too large."""
    advice: str
    """What to do about it."""


class ShownRejectedLetter(Model):
    """A dead letter, whole. Texts are for reading, Base64 gives the bytes."""

    version: int
    """Version of this form."""
    reject_id: str
    """Its id; of a dead letter `<partition>:<offset>`."""
    reason: str
    """Why it was rejected; `unknown` for a record that no worker wrote."""
    path: str
    """The field at fault, as `body.lines.0.total`."""
    message: str
    """What is wrong with it; never quotes the value."""
    event_id: str
    """The event's own id, as far as it could be read."""
    received_at: datetime | None
    """When it was received; null for a record that no worker wrote."""
    raw_bytes: int
    """Size of the whole event."""
    advice: str
    """What to do about it."""
    rejected_at: datetime
    """When it was written."""
    source_topic: str
    """The topic it came from; empty for an event that came over HTTP."""
    source_partition: int
    """The partition of that topic; -1 for none."""
    source_offset: int
    """The offset in that partition; -1 for none."""
    is_whole: bool
    """Whether all of it was kept."""
    raw: str
    """The event as text."""
    raw_base64: str
    """Its bytes."""
    key: str | None
    """The key of its record as text."""
    key_base64: str | None
    """The bytes of the key."""
    headers: dict[str, str]
    """The headers that say why it was rejected and where it came from."""
    original_headers: list[LetterHeader]
    """The headers it arrived with."""


class ShownSuggestion(Model):
    """A suggestion with the attributes of both."""

    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    suggestion_id: str
    """Its id."""
    kind: SuggestionKind
    """Why they are proposed."""
    state: SuggestionState
    """What became of it."""
    node_id: UUID
    """The profile id of one when it was found; resolves for ever."""
    other_node_id: UUID
    """That of the other."""
    probability: float | None
    """That they are one person; null of kind `stated`."""
    weight: float | None
    """Of the pair, in powers of two; null of kind `stated`."""
    parts: list[SuggestionPart]
    """What each field says."""
    notes: list[SuggestionNote]
    """What to look at before it is accepted."""
    event_ids: list[str]
    """Of kind `stated`: events that name both."""
    created_at: datetime
    """When it was found first."""
    refreshed_at: datetime
    """When it was found last, or not found again."""
    model: str
    """Version of the weights; empty of kind `stated`."""
    attributes: list[ComparedAttribute]
    """What is known of either."""


class SourceSubject(Model):
    """One source system, a till on one day, or a channel on one day."""

    type: Literal["source"] = "source"
    id: str
    """Its `source.system`; of a till `STORE/TILL/DAY`, as 12/3/2026-03-02; of a shop
    `CHANNEL:DAY`, as shop:2026-03-02."""


class Span(Model):
    """A half-open span of event time."""

    from_: datetime = Field(alias="from")
    """The first instant of it."""
    until: datetime
    """The first instant after it."""


class StoreDataDetails(Model):
    """Which statements about a store contradict each other."""

    field: str
    """`address`, `phone`, `opening_hours.mo` … `.su`, or `holiday_hours.` and a date."""
    expected: str
    """What is expected, hours and telephone numbers in one form."""
    observed: str
    """What the channel says."""


class StoreDataMismatchView(Model):
    """Store data mismatch"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["store_data_mismatch"] = "store_data_mismatch"
    subject: StoreSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: StoreDataDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    id: str
    """Number or name of the store."""
    field: str
    """`address`, `phone`, `opening_hours.mo` … `.su`, or `holiday_hours.` and a date."""
    expected: str
    """What is expected, hours and telephone numbers in one form."""
    observed: str
    """What the channel says."""


class StoreSubject(Model):
    """One store."""

    type: Literal["store"] = "store"
    id: str
    """Number or name of the store."""


class SuggestionPart(Model):
    """What one field says about a pair."""

    field: str
    """The field."""
    words: str
    """What was found."""
    weight: float
    """What it adds, in powers of two: +3 makes one person eight times as likely."""


class TimelineEntry(Model):
    """One touchpoint of a profile's timeline, newest first."""

    event_id: str
    """The event's own id."""
    occurred_at: datetime
    """When it happened, by the source's clock."""
    channel: str
    """Where it happened."""
    type: str
    """Event type."""
    phase: str
    """Phase of the customer's journey."""
    source: str
    """`source.system` of the event."""
    summary: str
    """What happened, in a line without personal data."""


class TimelineEntryPage(Model):
    """TimelineEntryPage"""

    data: list[TimelineEntry]
    """The rows."""
    page: PageEnd
    """How the list goes on."""


class ToldDetails(Model):
    """Where the matter was told, and how often."""

    first_channel: str
    """Where it was told first."""
    first_case: str
    """Number of the case or conversation there."""
    case: str
    """Number of the case or conversation in which it was told again."""
    times: int
    """How many times it was told."""


class ToldTwiceView(Model):
    """Told twice"""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: Literal["told_twice"] = "told_twice"
    subject: CustomerSubject
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str
    """The same for all incidents of one cause, as a price list that a channel missed; empty of
    what was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None
    """When it opened, in event time."""
    resolved_at: datetime | None
    """When it was resolved, in event time."""
    flapping_since: datetime | None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]]
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: ToldDetails
    """The part that depends on the kind."""
    version: int
    """Version of this form."""
    exposure: Exposure
    actions: list[IncidentAction]
    """What people did, the earliest first."""
    handle: UUID
    """Any id that the profile ever had; resolve it through the map when reading."""
    first_channel: str
    """Where it was told first."""
    first_case: str
    """Number of the case or conversation there."""
    case: str
    """Number of the case or conversation in which it was told again."""
    times: int
    """How many times it was told."""


class TouchpointResult(Model):
    """The result of one event."""

    event_id: str
    """The event's own id, as far as it could be read."""
    status: Literal["accepted", "duplicate", "rejected"] | str
    """`accepted`, `duplicate` or `rejected`."""
    reason: str
    """Why it was rejected; `id_conflict` for a duplicate with another body."""
    path: str
    """The field at fault."""
    message: str
    """What is wrong with it."""


class TouchpointResults(Model):
    """One result per event, in the order of the request."""

    results: list[TouchpointResult]
    """What became of each."""


class TwoIdentifiers(Model):
    """Two identifiers that are, or are not, of one customer."""

    a: str
    """A node id, TYPE[@ISSUER]=VALUE, or a bare e-mail address, phone number or other number."""
    b: str
    """The other one."""


class WhyDecided(Model):
    """What a person decided."""

    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: str
    """When."""


class WhyDecision(Model):
    """What a person decided about a member of one profile and one of the other."""

    from_: WhyNode = Field(alias="from")
    """Where it begins."""
    to: WhyNode
    """Where it ends."""
    verdict: str
    """`same` or `different`."""
    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: str
    """When."""
    refused_because: str | None
    """Why `same` has no effect; null otherwise."""


class WhyHappened(Model):
    """The event behind an edge."""

    type: str
    """Its type."""
    channel: str
    """Its channel."""
    store: str
    """Its store; empty if it names none."""
    system: str
    """The system that reported it; empty if it names none."""
    reason: str
    """Of `identity.linked`: what proved the link. Empty for other events."""
    anchor: str
    """Node id of the identifier that it was stored under."""


class WhyNode(Model):
    """One identifier."""

    node_id: str
    """Its node id."""
    type: str
    """Its type; empty for an unknown node."""
    issuer: str
    """Who assigned it; empty if nobody did."""
    value: str
    """Its normalised value."""


class WhyShared(Model):
    """An identifier that belongs to nobody, and whom it touches."""

    identifier: WhyNode
    """The identifier."""
    because: str
    """`several` if it lies between several persons; else the reason for which it joins nobody."""
    seen_with: int
    """Identifiers that it was seen with."""
    persons: int
    """Persons whom those belong to."""
    samples: list[WhyNode]
    """The strongest identifier of some of them."""
    is_cut: bool
    """Whether there are more than were looked at: the numbers are at least these."""
