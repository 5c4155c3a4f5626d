"""The operations of the API. Generated from its OpenAPI document by `make generate`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from customer360_client import models
from customer360_client._call import Call, body_of
from customer360_client._stream import ServerEvent

T = TypeVar("T")


class Operations:
    """One method for each operation; of a list one more, which gives the entries of all pages."""

    def _send(self, call: Call[T]) -> T:
        raise NotImplementedError

    def _pages(self, page: Callable[[str | None], Any]) -> Generator[Any, None, None]:
        raise NotImplementedError

    def _events(self, call: Call[Any]) -> Generator[ServerEvent, None, None]:
        raise NotImplementedError

    def get_freshness(
        self, *, consistent_after: str | None = None, purpose: str | None = None
    ) -> models.DataFreshness:
        """How far each channel of the realm has come.

        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/freshness",
                models.DataFreshness,
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def post_touchpoints(self, batch: Sequence[dict[str, Any]]) -> models.TouchpointResults:
        """Accept touchpoints. 200 means that every event has a result and that accepted events
        are durable; a bad event never causes others to be rejected.

        batch: The events, in any order.
        """
        return self._send(
            Call("POST", "/v1/touchpoints", models.TouchpointResults, body=body_of(batch=batch))
        )

    def livez(self) -> str:
        """200 while the writer makes progress."""
        return self._send(Call("GET", "/livez", str))

    def readyz(self) -> str:
        """200 while the writer makes progress, the store answers and the service does not stop."""
        return self._send(Call("GET", "/readyz", str))

    def metrics(self) -> str:
        """Prometheus metrics; docs/metrics.md lists them."""
        return self._send(Call("GET", "/metrics", str))

    def stream_incidents(
        self,
        *,
        consistent_after: str | None = None,
        purpose: str | None = None,
        last_event_id: str | None = None,
    ) -> Generator[ServerEvent, None, None]:
        """Incidents of the realm as they open, change and end.

        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        last_event_id: The id of the last event that came; the stream goes on behind it.
        """
        return self._events(
            Call(
                "GET",
                "/v1/incidents/stream",
                None,
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose, "Last-Event-ID": last_event_id},
            )
        )

    def stream_profiles(
        self,
        *,
        consistent_after: str | None = None,
        purpose: str | None = None,
        last_event_id: str | None = None,
    ) -> Generator[ServerEvent, None, None]:
        """Profiles of the realm as they appear, merge, split, and get other identifiers,
        attributes or consents. No values: read the profile for them.

        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        last_event_id: The id of the last event that came; the stream goes on behind it.
        """
        return self._events(
            Call(
                "GET",
                "/v1/profiles/stream",
                None,
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose, "Last-Event-ID": last_event_id},
            )
        )

    def stream_segments(
        self,
        *,
        consistent_after: str | None = None,
        purpose: str | None = None,
        last_event_id: str | None = None,
    ) -> Generator[ServerEvent, None, None]:
        """Who enters and leaves segments of the realm, as it is found. Refused where segments
        do not follow events.

        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        last_event_id: The id of the last event that came; the stream goes on behind it.
        """
        return self._events(
            Call(
                "GET",
                "/v1/segments/stream",
                None,
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose, "Last-Event-ID": last_event_id},
            )
        )

    def get_profile(
        self,
        profile_id: UUID | str,
        *,
        as_of: datetime | None = None,
        identity: models.IdentityTime | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.Profile:
        """One customer: golden record, identifiers, consents and figures, by any id it ever
        had.

        profile_id: Any id that the profile or an identifier ever had.
        as_of: Only what occurred up to this time counts; RFC 3339 with a zone.
        identity: With `as_of`: whose identifiers make the profile.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/profiles/{profile_id}",
                models.Profile,
                path_values={"profile_id": profile_id},
                query={"as_of": as_of, "identity": identity, "consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def get_profile_part(
        self,
        profile_id: UUID | str,
        fields: str,
        *,
        as_of: datetime | None = None,
        identity: models.IdentityTime | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.ProfilePart:
        """One customer: golden record, identifiers, consents and figures, by any id it ever
        had.

        profile_id: Any id that the profile or an identifier ever had.
        fields: Only these top-level fields of the document, separated by commas.
        as_of: Only what occurred up to this time counts; RFC 3339 with a zone.
        identity: With `as_of`: whose identifiers make the profile.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/profiles/{profile_id}",
                models.ProfilePart,
                path_values={"profile_id": profile_id},
                query={
                    "fields": fields,
                    "as_of": as_of,
                    "identity": identity,
                    "consistent_after": consistent_after,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def lookup_profile(
        self,
        identifiers: Sequence[models.GivenIdentifier],
        *,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.Profile:
        """The customer whom any of up to 20 identifiers names; 409 with their ids if they name
        several.

        identifiers: Identifiers that may all be of the same customer.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "POST",
                "/v1/profiles/lookup",
                models.Profile,
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
                body=body_of(identifiers=identifiers),
            )
        )

    def get_profiles(
        self,
        ids: Sequence[UUID | str],
        *,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.BatchEntryPage:
        """Up to 1,000 customers by any ids that they ever had: what became of each id, in the
        order asked, with the profile that holds it now.

        ids: Any ids that the customers ever had.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "POST",
                "/v1/profiles/batch",
                models.BatchEntryPage,
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
                body=body_of(ids=ids),
            )
        )

    def search_profiles(
        self,
        *,
        text: str | None = None,
        attributes: dict[str, Any] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.FoundProfilePage:
        """Customers by a text, by attributes of the golden record, or by both; exact values
        first.

        text: Part of an identifier or of an attribute that was ever reported, in any letter
            case.
        attributes: Values of the golden record by attribute, in any letter case.
        limit: Most customers. By default 20.
        cursor: `page.next` of the page before; empty for the first page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "POST",
                "/v1/profiles/search",
                models.FoundProfilePage,
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
                body=body_of(text=text, attributes=attributes, limit=limit, cursor=cursor),
            )
        )

    def iterate_search_profiles(
        self,
        *,
        text: str | None = None,
        attributes: dict[str, Any] | None = None,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> Generator[models.FoundProfile, None, None]:
        """The entries of all pages of `search_profiles`.

        text: Part of an identifier or of an attribute that was ever reported, in any letter
            case.
        attributes: Values of the golden record by attribute, in any letter case.
        limit: Most customers. By default 20.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.search_profiles(
                text=text,
                attributes=attributes,
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                purpose=purpose,
            )
        )

    def list_timeline(
        self,
        profile_id: UUID | str,
        *,
        type: Sequence[str] | None = None,
        channel: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.TimelineEntryPage:
        """The touchpoints of a customer, newest first, by any id that the profile ever had.

        profile_id: Any id that the profile or an identifier ever had.
        type: Only of these event types.
        channel: Only on these channels.
        since: Only what happened at this time or later.
        until: Only what happened before this time.
        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/profiles/{profile_id}/timeline",
                models.TimelineEntryPage,
                path_values={"profile_id": profile_id},
                query={
                    "type": type,
                    "channel": channel,
                    "since": since,
                    "until": until,
                    "limit": limit,
                    "cursor": cursor,
                    "consistent_after": consistent_after,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def iterate_timeline(
        self,
        profile_id: UUID | str,
        *,
        type: Sequence[str] | None = None,
        channel: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> Generator[models.TimelineEntry, None, None]:
        """The entries of all pages of `list_timeline`.

        profile_id: Any id that the profile or an identifier ever had.
        type: Only of these event types.
        channel: Only on these channels.
        since: Only what happened at this time or later.
        until: Only what happened before this time.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.list_timeline(
                profile_id=profile_id,
                type=type,
                channel=channel,
                since=since,
                until=until,
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                purpose=purpose,
            )
        )

    def list_orders(
        self,
        profile_id: UUID | str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.ProfileOrderPage:
        """The orders of a customer, the latest first: each once across systems, with its
        cancellations and returns. They add up to the figures of the profile.

        profile_id: Any id that the profile or an identifier ever had.
        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/profiles/{profile_id}/orders",
                models.ProfileOrderPage,
                path_values={"profile_id": profile_id},
                query={"limit": limit, "cursor": cursor, "consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def iterate_orders(
        self,
        profile_id: UUID | str,
        *,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> Generator[models.ProfileOrder, None, None]:
        """The entries of all pages of `list_orders`.

        profile_id: Any id that the profile or an identifier ever had.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.list_orders(
                profile_id=profile_id,
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                purpose=purpose,
            )
        )

    def list_order_conflicts(
        self,
        *,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.ListedConflictPage:
        """Orders whose reports contradict each other, by issuer and number; the first ones
        only.

        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/orders/conflicts",
                models.ListedConflictPage,
                query={"limit": limit, "consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def get_account(
        self,
        account_id: str,
        *,
        issuer: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.BusinessAccount:
        """A business account: master data, and how many contacts it has in which roles. Without
        `profiles:pii` values are masked.

        account_id: Number of the account, or of one that was merged into it.
        issuer: Who assigned the number, `-` for nobody. Not needed where only one did.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/accounts/{account_id}",
                models.BusinessAccount,
                path_values={"account_id": account_id},
                query={"issuer": issuer, "consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def list_account_contacts(
        self,
        account_id: str,
        *,
        issuer: str | None = None,
        status: models.MembershipStatus | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.AccountContactPage:
        """The contacts of an account by their ids, with their roles now and before. Persons who
        turned out to be one are one contact.

        account_id: Number of the account, or of one that was merged into it.
        issuer: Who assigned the number, `-` for nobody. Not needed where only one did.
        status: Of whom.
        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/accounts/{account_id}/contacts",
                models.AccountContactPage,
                path_values={"account_id": account_id},
                query={
                    "issuer": issuer,
                    "status": status,
                    "limit": limit,
                    "cursor": cursor,
                    "consistent_after": consistent_after,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def iterate_account_contacts(
        self,
        account_id: str,
        *,
        issuer: str | None = None,
        status: models.MembershipStatus | None = None,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> Generator[models.AccountContact, None, None]:
        """The entries of all pages of `list_account_contacts`.

        account_id: Number of the account, or of one that was merged into it.
        issuer: Who assigned the number, `-` for nobody. Not needed where only one did.
        status: Of whom.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.list_account_contacts(
                account_id=account_id,
                issuer=issuer,
                status=status,
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                purpose=purpose,
            )
        )

    def get_household(
        self,
        household_id: str,
        *,
        issuer: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.HouseholdView:
        """The members of a household beside each other, and sums over them. A view: nobody is
        merged, and no consent of one member is that of another.

        household_id: Number of the household.
        issuer: Who assigned the number, `-` for nobody. Not needed where only one did.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/households/{household_id}",
                models.HouseholdView,
                path_values={"household_id": household_id},
                query={"issuer": issuer, "consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def list_consents(
        self,
        profile_id: UUID | str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        accept_language: str | None = None,
        purpose: str | None = None,
    ) -> models.ConsentWithEvidencePage:
        """The contact permission for every address, channel and purpose that an event of the
        customer named, with the evidence. Without `profiles:pii` addresses are masked.

        profile_id: Any id that the profile or an identifier ever had.
        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        accept_language: Language of the sentences for customers: `en` or `de`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/profiles/{profile_id}/consents",
                models.ConsentWithEvidencePage,
                path_values={"profile_id": profile_id},
                query={"limit": limit, "cursor": cursor, "consistent_after": consistent_after},
                headers={"Accept-Language": accept_language, "X-Purpose": purpose},
            )
        )

    def iterate_consents(
        self,
        profile_id: UUID | str,
        *,
        limit: int | None = None,
        consistent_after: str | None = None,
        accept_language: str | None = None,
        purpose: str | None = None,
    ) -> Generator[models.ConsentWithEvidence, None, None]:
        """The entries of all pages of `list_consents`.

        profile_id: Any id that the profile or an identifier ever had.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        accept_language: Language of the sentences for customers: `en` or `de`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.list_consents(
                profile_id=profile_id,
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                accept_language=accept_language,
                purpose=purpose,
            )
        )

    def check_contact_permission(
        self,
        channel: str,
        purpose: str,
        addresses: Sequence[models.ContactAddress],
        *,
        consistent_after: str | None = None,
        accept_language: str | None = None,
        x_purpose: str | None = None,
    ) -> models.AddressPermissionPage:
        """Whether up to 10,000 addresses may be contacted on a channel for a purpose: one
        answer for each, in the same order, with legal basis, evidence and the sentence for the
        customer.

        channel: One of the configured channels of contact.
        purpose: One of the configured purposes.
        addresses: The addresses.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        accept_language: Language of the sentences for customers: `en` or `de`.
        x_purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "POST",
                "/v1/contact-permission",
                models.AddressPermissionPage,
                query={"consistent_after": consistent_after},
                headers={"Accept-Language": accept_language, "X-Purpose": x_purpose},
                body=body_of(channel=channel, purpose=purpose, addresses=addresses),
            )
        )

    def get_identity(
        self,
        profile_id: UUID | str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.ProfileIdentity:
        """The identifiers of a profile, a page of them, with the edges and decisions at them:
        what joins, and what does not and why. Without `profiles:pii` values are masked.

        profile_id: Any id that the profile or an identifier ever had.
        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/profiles/{profile_id}/identity",
                models.ProfileIdentity,
                path_values={"profile_id": profile_id},
                query={"limit": limit, "cursor": cursor, "consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def explain_identity(
        self,
        a: str,
        b: str,
        *,
        consistent_after: str | None = None,
        accept_language: str | None = None,
        purpose: str | None = None,
    ) -> models.Explained:
        """Why two identifiers are, or are not, one profile: the path of events, rules and
        decisions, the edges that were set aside, and sentences for those who look after the
        customer. Without `profiles:pii` values are masked.

        a: A node id, TYPE[@ISSUER]=VALUE, or a bare e-mail address, phone number or other
            number.
        b: The other one.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        accept_language: Language of the sentences for customers: `en` or `de`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "POST",
                "/v1/identity/why",
                models.Explained,
                query={"consistent_after": consistent_after},
                headers={"Accept-Language": accept_language, "X-Purpose": purpose},
                body=body_of(a=a, b=b),
            )
        )

    def list_suspicious(
        self,
        *,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.ListedNoticePage:
        """Identifiers that stand for too many persons, and persons with too many identifiers.

        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/identity/suspicious",
                models.ListedNoticePage,
                query={"limit": limit, "consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def decide_identity(
        self,
        a: str,
        b: str,
        verdict: models.Verdict,
        reason: str,
        *,
        dry_run: bool | None = None,
        unseen: bool | None = None,
        consistent_after: str | None = None,
        idempotency_key: str | None = None,
        x_actor: str | None = None,
        purpose: str | None = None,
    ) -> models.DecisionOutcome:
        """Decide that two identifiers are one customer (`same`) or two (`different`), or take
        that back (`none`); with `dry_run` only say which profiles would merge or split. It is
        durable when this answers, with the name of the key as its author; workers apply it
        within moments. Without `profiles:pii` values are masked.

        a: A node id, TYPE[@ISSUER]=VALUE, or a bare e-mail address, phone number or other
            number.
        b: The other one.
        verdict: same, different, or none to take the decision about them back.
        reason: Why, in one line.
        dry_run: Only say what would happen. By default False.
        unseen: Whether an identifier may be one that no event has named yet. By default
            False.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        idempotency_key: Makes it safe to send the request again: for a day it gets the same
            answer.
        x_actor: The person on whose behalf you act; added to the name of the key.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "POST",
                "/v1/identity/decisions",
                models.DecisionOutcome,
                query={"consistent_after": consistent_after},
                headers={
                    "Idempotency-Key": idempotency_key,
                    "X-Actor": x_actor,
                    "X-Purpose": purpose,
                },
                body=body_of(
                    a=a, b=b, verdict=verdict, reason=reason, dry_run=dry_run, unseen=unseen
                ),
            )
        )

    def list_decisions(
        self,
        *,
        node_id: UUID | str | None = None,
        verdict: models.Verdict | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.ListedDecisionPage:
        """What people decided about identifiers, the latest first. Without `profiles:pii`
        values are masked.

        node_id: Only about the identifier with this node id.
        verdict: Only with this verdict; `none`: taken back.
        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/identity/decisions",
                models.ListedDecisionPage,
                query={
                    "node_id": node_id,
                    "verdict": verdict,
                    "limit": limit,
                    "cursor": cursor,
                    "consistent_after": consistent_after,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def iterate_decisions(
        self,
        *,
        node_id: UUID | str | None = None,
        verdict: models.Verdict | None = None,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> Generator[models.ListedDecision, None, None]:
        """The entries of all pages of `list_decisions`.

        node_id: Only about the identifier with this node id.
        verdict: Only with this verdict; `none`: taken back.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.list_decisions(
                node_id=node_id,
                verdict=verdict,
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                purpose=purpose,
            )
        )

    def list_suggestions(
        self,
        *,
        state: models.SuggestionState | None = None,
        kind: models.SuggestionKind | None = None,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.ListedSuggestionPage:
        """Profiles that may be one person, the most probable first and only the first ones: by
        ids and reasons, without a value of a person. Nothing is joined until somebody answers.

        state: Only of this state; without it, of all.
        kind: Only of this kind.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/identity/suggestions",
                models.ListedSuggestionPage,
                query={
                    "state": state,
                    "kind": kind,
                    "limit": limit,
                    "consistent_after": consistent_after,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def get_suggestion(
        self, suggestion_id: str, *, consistent_after: str | None = None, purpose: str | None = None
    ) -> models.ShownSuggestion:
        """A suggestion: what each field says, and what is known of both. Without `profiles:pii`
        values are masked.

        suggestion_id: Id of the suggestion, as it is listed.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/identity/suggestions/{suggestion_id}",
                models.ShownSuggestion,
                path_values={"suggestion_id": suggestion_id},
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def answer_suggestion(
        self,
        suggestion_id: str,
        accept: bool,
        reason: str,
        *,
        dry_run: bool | None = None,
        consistent_after: str | None = None,
        idempotency_key: str | None = None,
        x_actor: str | None = None,
        purpose: str | None = None,
    ) -> models.DecisionOutcome:
        """Accept a suggestion (both are one customer) or decline it (they are two, and the pair
        is never proposed again). It is a decision as `decideIdentity` makes it, with the name
        of the key as its author, and can be taken back there. Without `profiles:pii` values are
        masked.

        suggestion_id: Id of the suggestion, as it is listed.
        accept: Whether the two are one customer.
        reason: Why, in one line.
        dry_run: Only say what would happen. By default False.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        idempotency_key: Makes it safe to send the request again: for a day it gets the same
            answer.
        x_actor: The person on whose behalf you act; added to the name of the key.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "POST",
                "/v1/identity/suggestions/{suggestion_id}/answers",
                models.DecisionOutcome,
                path_values={"suggestion_id": suggestion_id},
                query={"consistent_after": consistent_after},
                headers={
                    "Idempotency-Key": idempotency_key,
                    "X-Actor": x_actor,
                    "X-Purpose": purpose,
                },
                body=body_of(accept=accept, reason=reason, dry_run=dry_run),
            )
        )

    def list_incidents(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        state: Sequence[models.IncidentState] | None = None,
        severity: Sequence[models.Severity] | None = None,
        kind: str | None = None,
        cause: str | None = None,
        fault: str | None = None,
        sku: str | None = None,
        channel: str | None = None,
        location: str | None = None,
        since: datetime | None = None,
        purpose: str | None = None,
    ) -> models.IncidentList:
        """Where channels contradict each other, with exposure: who saw or paid it. The oldest
        first.

        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        state: Only these; all but retracted if none.
        severity: Only of these severities; all if none.
        kind: Only of this kind.
        cause: Only with this cause.
        fault: Only of this fault.
        sku: Only of this product.
        channel: Only on this channel.
        location: Only at this store, or at `zone:NAME`.
        since: Only those that began at this time or later.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/incidents",
                models.IncidentList,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "consistent_after": consistent_after,
                    "state": state,
                    "severity": severity,
                    "kind": kind,
                    "cause": cause,
                    "fault": fault,
                    "sku": sku,
                    "channel": channel,
                    "location": location,
                    "since": since,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def iterate_incidents(
        self,
        *,
        limit: int | None = None,
        consistent_after: str | None = None,
        state: Sequence[models.IncidentState] | None = None,
        severity: Sequence[models.Severity] | None = None,
        kind: str | None = None,
        cause: str | None = None,
        fault: str | None = None,
        sku: str | None = None,
        channel: str | None = None,
        location: str | None = None,
        since: datetime | None = None,
        purpose: str | None = None,
    ) -> Generator[
        models.AvailabilityMismatchView
        | models.ChargedAboveAdvertisedView
        | models.ChargedAboveShownView
        | models.ContactPressureView
        | models.CustomerDataConflictView
        | models.LoyaltyBalanceMismatchView
        | models.MarketingWithoutConsentView
        | models.MissingOnChannelView
        | models.PriceMismatchView
        | models.ProductContentMismatchView
        | models.PromotionMismatchView
        | models.RecordsMismatchView
        | models.ReductionWithoutLowestPriceView
        | models.ReplyOverdueView
        | models.StoreDataMismatchView
        | models.ToldTwiceView
        | dict[str, Any],
        None,
        None,
    ]:
        """The entries of all pages of `list_incidents`.

        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        state: Only these; all but retracted if none.
        severity: Only of these severities; all if none.
        kind: Only of this kind.
        cause: Only with this cause.
        fault: Only of this fault.
        sku: Only of this product.
        channel: Only on this channel.
        location: Only at this store, or at `zone:NAME`.
        since: Only those that began at this time or later.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.list_incidents(
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                state=state,
                severity=severity,
                kind=kind,
                cause=cause,
                fault=fault,
                sku=sku,
                channel=channel,
                location=location,
                since=since,
                purpose=purpose,
            )
        )

    def count_incidents(
        self,
        *,
        by: Sequence[models.IncidentField] | None = None,
        consistent_after: str | None = None,
        state: Sequence[models.IncidentState] | None = None,
        severity: Sequence[models.Severity] | None = None,
        kind: str | None = None,
        cause: str | None = None,
        fault: str | None = None,
        sku: str | None = None,
        channel: str | None = None,
        location: str | None = None,
        since: datetime | None = None,
        purpose: str | None = None,
    ) -> models.IncidentCounts:
        """How many incidents there are by the values of one to three fields, the worst first.

        by: What they are counted by.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        state: Only these; all but retracted if none.
        severity: Only of these severities; all if none.
        kind: Only of this kind.
        cause: Only with this cause.
        fault: Only of this fault.
        sku: Only of this product.
        channel: Only on this channel.
        location: Only at this store, or at `zone:NAME`.
        since: Only those that began at this time or later.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/incidents/counts",
                models.IncidentCounts,
                query={
                    "by": by,
                    "consistent_after": consistent_after,
                    "state": state,
                    "severity": severity,
                    "kind": kind,
                    "cause": cause,
                    "fault": fault,
                    "sku": sku,
                    "channel": channel,
                    "location": location,
                    "since": since,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def get_incident(
        self, incident_id: str, *, consistent_after: str | None = None, purpose: str | None = None
    ) -> (
        models.AvailabilityMismatchView
        | models.ChargedAboveAdvertisedView
        | models.ChargedAboveShownView
        | models.ContactPressureView
        | models.CustomerDataConflictView
        | models.LoyaltyBalanceMismatchView
        | models.MarketingWithoutConsentView
        | models.MissingOnChannelView
        | models.PriceMismatchView
        | models.ProductContentMismatchView
        | models.PromotionMismatchView
        | models.RecordsMismatchView
        | models.ReductionWithoutLowestPriceView
        | models.ReplyOverdueView
        | models.StoreDataMismatchView
        | models.ToldTwiceView
        | dict[str, Any]
    ):
        """One incident with evidence, exposure, and what people did with it.

        incident_id: The whole id of the incident.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/incidents/{incident_id}",
                models.AvailabilityMismatchView
                | models.ChargedAboveAdvertisedView
                | models.ChargedAboveShownView
                | models.ContactPressureView
                | models.CustomerDataConflictView
                | models.LoyaltyBalanceMismatchView
                | models.MarketingWithoutConsentView
                | models.MissingOnChannelView
                | models.PriceMismatchView
                | models.ProductContentMismatchView
                | models.PromotionMismatchView
                | models.RecordsMismatchView
                | models.ReductionWithoutLowestPriceView
                | models.ReplyOverdueView
                | models.StoreDataMismatchView
                | models.ToldTwiceView
                | dict[str, Any],
                path_values={"incident_id": incident_id},
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def list_affected(
        self,
        incident_id: str,
        *,
        paid: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.AffectedList:
        """Who saw or paid the deviating price, the earliest first: the customers to make good,
        and receipts without a customer. A line of an order is a row.

        incident_id: The whole id of the incident.
        paid: Only what was paid, each order as its first event says.
        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/incidents/{incident_id}/affected",
                models.AffectedList,
                path_values={"incident_id": incident_id},
                query={
                    "paid": paid,
                    "limit": limit,
                    "cursor": cursor,
                    "consistent_after": consistent_after,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def iterate_affected(
        self,
        incident_id: str,
        *,
        paid: bool | None = None,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> Generator[models.AffectedItem, None, None]:
        """The entries of all pages of `list_affected`.

        incident_id: The whole id of the incident.
        paid: Only what was paid, each order as its first event says.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.list_affected(
                incident_id=incident_id,
                paid=paid,
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                purpose=purpose,
            )
        )

    def act_on_incident(
        self,
        incident_id: str,
        action: models.ActionKind,
        reason: str,
        *,
        until: datetime | None = None,
        consistent_after: str | None = None,
        idempotency_key: str | None = None,
        x_actor: str | None = None,
        purpose: str | None = None,
    ) -> models.ActionRecord:
        """Acknowledge or mute an incident, or take either back. It is durable when this
        answers, and kept in the audit trail with the name of the key; workers apply it within
        moments.

        incident_id: The whole id of the incident.
        action: `ack`, `unack`, `mute` or `unmute`.
        reason: Why, in one line.
        until: When a mute ends, in event time; none: until it is withdrawn.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        idempotency_key: Makes it safe to send the request again: for a day it gets the same
            answer.
        x_actor: The person on whose behalf you act; added to the name of the key.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "POST",
                "/v1/incidents/{incident_id}/actions",
                models.ActionRecord,
                path_values={"incident_id": incident_id},
                query={"consistent_after": consistent_after},
                headers={
                    "Idempotency-Key": idempotency_key,
                    "X-Actor": x_actor,
                    "X-Purpose": purpose,
                },
                body=body_of(action=action, reason=reason, until=until),
            )
        )

    def list_measures(
        self, *, consistent_after: str | None = None, purpose: str | None = None
    ) -> models.ListedMeasurePage:
        """All measures.

        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/insights/measures",
                models.ListedMeasurePage,
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def get_measure(
        self,
        measure: str,
        *,
        first: date | None = None,
        until: date | None = None,
        segment: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.MeasureResult:
        """One measure over whole days of the realm's time zone, of all or of a segment.

        measure: Its name, as the list of measures gives it.
        first: First day; by default 365 days before `until`.
        until: First day after the window; by default today.
        segment: Of those who belong to this segment now; empty: all.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/insights/measures/{measure}",
                models.MeasureResult,
                path_values={"measure": measure},
                query={
                    "first": first,
                    "until": until,
                    "segment": segment,
                    "consistent_after": consistent_after,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def list_measure_history(
        self,
        measure: str,
        *,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.KeptMeasurePage:
        """What a measure was each time it was kept, the latest first: by the map of then.

        measure: Its name, as the list of measures gives it.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/insights/measures/{measure}/history",
                models.KeptMeasurePage,
                path_values={"measure": measure},
                query={"limit": limit, "consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def get_profile_insights(
        self,
        profile_id: UUID | str,
        *,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.PersonInsights:
        """What measures say of a customer, each score with its reasons and the events behind
        them. Of a customer who objects to profiling the objection alone.

        profile_id: Any id that the profile or an identifier ever had.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/profiles/{profile_id}/insights",
                models.PersonInsights,
                path_values={"profile_id": profile_id},
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def list_segments(
        self, *, consistent_after: str | None = None, purpose: str | None = None
    ) -> models.ListedSegmentPage:
        """All segments with definition and size. Without `segments:members` sizes of fewer than
        five are null.

        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/segments",
                models.ListedSegmentPage,
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def list_segment_members(
        self,
        segment: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.SegmentMemberPage:
        """Who belongs to a segment, each as the profile that it is now. Whether somebody may be
        contacted does not decide about that.

        segment: Id of the segment.
        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/segments/{segment}/members",
                models.SegmentMemberPage,
                path_values={"segment": segment},
                query={"limit": limit, "cursor": cursor, "consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def iterate_segment_members(
        self,
        segment: str,
        *,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> Generator[models.SegmentMember, None, None]:
        """The entries of all pages of `list_segment_members`.

        segment: Id of the segment.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.list_segment_members(
                segment=segment,
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                purpose=purpose,
            )
        )

    def list_profile_segments(
        self,
        profile_id: UUID | str,
        *,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.ProfileSegmentPage:
        """The segments that a customer belongs to, by any id that the profile ever had.

        profile_id: Any id that the profile or an identifier ever had.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/profiles/{profile_id}/segments",
                models.ProfileSegmentPage,
                path_values={"profile_id": profile_id},
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def list_rejected(
        self,
        *,
        reason: models.RejectReason | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.RejectedList:
        """Events that were rejected, without their content, the latest first. A page may have
        fewer rows than asked for, even none, while there are more. Only events that name the
        realm of the key; where the service has one realm only, also those whose realm cannot be
        read.

        reason: Only those rejected for this reason.
        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/rejected",
                models.RejectedList,
                query={
                    "reason": reason,
                    "limit": limit,
                    "cursor": cursor,
                    "consistent_after": consistent_after,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def iterate_rejected(
        self,
        *,
        reason: models.RejectReason | None = None,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> Generator[models.RejectedLetterItem | models.RejectedItem | dict[str, Any], None, None]:
        """The entries of all pages of `list_rejected`.

        reason: Only those rejected for this reason.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.list_rejected(
                reason=reason,
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                purpose=purpose,
            )
        )

    def count_rejected(
        self, *, consistent_after: str | None = None, purpose: str | None = None
    ) -> models.RejectedCounts:
        """Rejected events by reason.

        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/rejected/counts",
                models.RejectedCounts,
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def get_rejected(
        self, reject_id: str, *, consistent_after: str | None = None, purpose: str | None = None
    ) -> (
        models.ShownRejectedLetter
        | models.RejectedLetterItem
        | models.ShownRejectedItem
        | models.RejectedItem
        | dict[str, Any]
    ):
        """One rejected event as it was sent; without `profiles:pii` its content is left out.

        reject_id: Its whole id.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/rejected/{reject_id}",
                models.ShownRejectedLetter
                | models.RejectedLetterItem
                | models.ShownRejectedItem
                | models.RejectedItem
                | dict[str, Any],
                path_values={"reject_id": reject_id},
                query={"consistent_after": consistent_after},
                headers={"X-Purpose": purpose},
            )
        )

    def list_accesses(
        self,
        *,
        profile_id: UUID | str | None = None,
        key_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> models.AccessEntryPage:
        """Who read which profiles, and why: the latest reads first.

        profile_id: Only reads of this customer, by any id that is or was its.
        key_id: Only with this key.
        since: Not before this time.
        until: Before this time.
        limit: Most entries of a page.
        cursor: `page.next` of the page before.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._send(
            Call(
                "GET",
                "/v1/access-log",
                models.AccessEntryPage,
                query={
                    "profile_id": profile_id,
                    "key_id": key_id,
                    "since": since,
                    "until": until,
                    "limit": limit,
                    "cursor": cursor,
                    "consistent_after": consistent_after,
                },
                headers={"X-Purpose": purpose},
            )
        )

    def iterate_accesses(
        self,
        *,
        profile_id: UUID | str | None = None,
        key_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        consistent_after: str | None = None,
        purpose: str | None = None,
    ) -> Generator[models.AccessEntry, None, None]:
        """The entries of all pages of `list_accesses`.

        profile_id: Only reads of this customer, by any id that is or was its.
        key_id: Only with this key.
        since: Not before this time.
        until: Before this time.
        limit: Most entries of a page.
        consistent_after: Wait, for a bounded time, until this event is visible: its
            `event_id`.
        purpose: Why you ask, for the audit log: `call from the customer, ticket 4711`.
        """
        return self._pages(
            lambda cursor: self.list_accesses(
                profile_id=profile_id,
                key_id=key_id,
                since=since,
                until=until,
                limit=limit,
                cursor=cursor,
                consistent_after=consistent_after,
                purpose=purpose,
            )
        )

    def whoami(self) -> models.KeyOwner:
        """The realm and the scopes of the key."""
        return self._send(Call("GET", "/v1/whoami", models.KeyOwner))

    def get_problem(self, code: str) -> str:
        """What a problem code means, in words.

        code: `code` of a problem.
        """
        return self._send(Call("GET", "/problems/{code}", str, path_values={"code": code}))
