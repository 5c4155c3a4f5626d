"""The words of explanations in English and German: one table for each kind of thing they name.

What is not in a table (a type, a channel, an event of somebody's own) is named by its code. The
German nouns have their gender, because sentences need them in the nominative and the dative.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.api.permission import Language

EN, DE = Language.ENGLISH, Language.GERMAN


class Noun(NamedTuple):
    """What an identifier type is called."""

    english: str
    german: str
    gender: str
    """m, f or n, of the German noun."""


IDENTIFIERS = {
    "customer_number": Noun("customer number", "Kundennummer", "f"),
    "app_user": Noun("app account", "App-Konto", "n"),
    "loyalty_card": Noun("loyalty card", "Treuekarte", "f"),
    "email": Noun("e-mail address", "E-Mail-Adresse", "f"),
    "guest_number": Noun("guest number", "Gastnummer", "f"),
    "order_number": Noun("order number", "Bestellnummer", "f"),
    "phone": Noun("phone number", "Telefonnummer", "f"),
    "payment_token": Noun("payment method", "Zahlungsmittel", "n"),
    "messenger_id": Noun("messenger account", "Messenger-Konto", "n"),
    "social_id": Noun("social media account", "Social-Media-Konto", "n"),
    "session": Noun("session", "Sitzung", "f"),
    "push_token": Noun("push address", "Push-Adresse", "f"),
    "device_id": Noun("device", "Gerät", "n"),
    "cookie": Noun("browser cookie", "Browser-Cookie", "m"),
}
OWN_TYPE = Noun("identifier {}", "Kennung {}", "f")
"""A type of somebody's own, by its name."""
NOMINATIVE = {"m": "der", "f": "die", "n": "das"}
DATIVE = {"m": "dem", "f": "der", "n": "dem"}
MONTHS = {
    EN: "January February March April May June July August September October November December",
    DE: "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}
CHANNELS = {
    "shop": ("in the web shop", "im Webshop"),
    "app": ("in the app", "in der App"),
    "pos": ("at the till", "an der Kasse"),
    "email": ("by e-mail", "per E-Mail"),
    "phone": ("on the phone", "am Telefon"),
    "chat": ("in the chat", "im Chat"),
    "messenger": ("in a messenger", "im Messenger"),
    "sms": ("by text message", "per SMS"),
    "push": ("by push message", "per Push-Nachricht"),
    "letter": ("by letter", "per Brief"),
    "voice": ("with the voice assistant", "über den Sprachassistenten"),
    "social": ("on social media", "in sozialen Medien"),
    "marketplace": ("on the marketplace", "auf dem Marktplatz"),
    "kiosk": ("at the kiosk", "am Kiosk"),
    "tv": ("on television", "im Fernsehen"),
    "ads": ("through an advertisement", "über eine Anzeige"),
    "print": ("in print", "in einer Druckschrift"),
    "radio": ("on the radio", "im Radio"),
    "fair": ("at a fair", "auf einer Messe"),
    "field_sales": ("with the sales staff", "beim Außendienst"),
    "video": ("in a video call", "im Videogespräch"),
    "contact_form": ("by contact form", "über das Kontaktformular"),
    "parcel_insert": ("with a parcel insert", "mit einer Paketbeilage"),
    "community": ("in the community", "in der Community"),
    "event": ("at a gathering", "auf einer Veranstaltung"),
}
OWN_CHANNEL = ("on the channel {}", "über den Kanal {}")
OF_STORE = (" of store {}", " der Filiale {}")
AT_STORE = (" (store {})", " (Filiale {})")
PLACES = frozenset({"pos", "kiosk"})
"""Channels that stand in a store."""
LINKED = "identity.linked"
EVENTS = {
    "identity.linked:login": (
        "Somebody logged in with {x} {where} {when}",
        "{when} hat sich jemand {where} mit {dative} eingeloggt",
    ),
    "identity.linked:registration": (
        "Somebody registered with {x} {where} {when}",
        "{when} hat sich jemand {where} mit {dative} registriert",
    ),
    "identity.linked:card_presented": (
        "{x} was shown {where} {when}",
        "{when} wurde {where} {x} vorgezeigt",
    ),
    "identity.linked:token_presented": (
        "A one-time code for {x} was used {where} {when}",
        "{when} wurde {where} ein Einmalcode zu {dative} verwendet",
    ),
    "page.viewed": (
        "Somebody browsed with {x} {where} {when}",
        "{when} gab es {where} einen Aufruf mit {dative}",
    ),
    "product.viewed": (
        "Somebody looked at a product with {x} {where} {when}",
        "{when} wurde {where} mit {dative} ein Produkt angesehen",
    ),
    "search.performed": (
        "Somebody searched with {x} {where} {when}",
        "{when} wurde {where} mit {dative} gesucht",
    ),
    "cart.updated": (
        "Somebody changed the basket with {x} {where} {when}",
        "{when} wurde {where} mit {dative} der Warenkorb geändert",
    ),
    "order.placed": (
        "Somebody bought something with {x} {where} {when}",
        "{when} wurde {where} mit {dative} eingekauft",
    ),
    "order.status_changed": (
        "The state of an order of {x} changed {where} {when}",
        "{when} änderte sich {where} zu {dative} der Stand einer Bestellung",
    ),
    "order.cancelled": (
        "An order of {x} was cancelled {where} {when}",
        "{when} wurde {where} zu {dative} eine Bestellung storniert",
    ),
    "order.returned": (
        "Somebody returned something with {x} {where} {when}",
        "{when} wurde {where} mit {dative} etwas zurückgegeben",
    ),
    "voucher.issued": (
        "A voucher was issued to {x} {where} {when}",
        "{when} wurde {where} zu {dative} ein Gutschein ausgegeben",
    ),
    "voucher.redeemed": (
        "A voucher was redeemed with {x} {where} {when}",
        "{when} wurde {where} mit {dative} ein Gutschein eingelöst",
    ),
    "message.sent": (
        "A message went to {x} {where} {when}",
        "{when} ging {where} zu {dative} eine Nachricht hinaus",
    ),
    "email.sent": (
        "An e-mail went to {x} {when}",
        "{when} ging zu {dative} eine E-Mail hinaus",
    ),
    "email.delivered": (
        "An e-mail to {x} arrived {when}",
        "{when} kam zu {dative} eine E-Mail an",
    ),
    "email.opened": (
        "Somebody opened an e-mail that went to {x} {when}",
        "{when} wurde zu {dative} eine E-Mail geöffnet",
    ),
    "email.clicked": (
        "Somebody followed a link of an e-mail that went to {x} {when}",
        "{when} wurde zu {dative} ein Link einer E-Mail angeklickt",
    ),
    "email.bounced": (
        "An e-mail to {x} came back {when}",
        "{when} kam zu {dative} eine E-Mail zurück",
    ),
    "email.complained": (
        "An e-mail to {x} was reported as unwanted {when}",
        "{when} wurde zu {dative} eine E-Mail als unerwünscht gemeldet",
    ),
    "email.unsubscribed": (
        "Somebody unsubscribed {x} from e-mails {when}",
        "{when} wurden zu {dative} E-Mails abbestellt",
    ),
    "campaign.reached": (
        "{x} was reached by a campaign {where} {when}",
        "{when} wurde {where} {x} von einer Kampagne erreicht",
    ),
    "campaign.held_out": (
        "{x} was held out of a campaign as a control {when}",
        "{when} wurde {x} zum Vergleich von einer Kampagne ausgenommen",
    ),
    "profile.updated": (
        "The customer data of {x} were changed {where} {when}",
        "{when} wurden {where} zu {dative} Kundendaten geändert",
    ),
    "consent.given": (
        "Somebody gave a consent with {x} {where} {when}",
        "{when} wurde {where} mit {dative} eine Einwilligung erteilt",
    ),
    "consent.confirmed": (
        "Somebody confirmed a consent with {x} {where} {when}",
        "{when} wurde {where} mit {dative} eine Einwilligung bestätigt",
    ),
    "consent.withdrawn": (
        "Somebody withdrew a consent with {x} {where} {when}",
        "{when} wurde {where} mit {dative} eine Einwilligung widerrufen",
    ),
    "objection.made": (
        "Somebody objected to advertising with {x} {where} {when}",
        "{when} wurde {where} mit {dative} der Werbung widersprochen",
    ),
    "loyalty.changed": (
        "The points of {x} changed {where} {when}",
        "{when} änderten sich {where} die Punkte zu {dative}",
    ),
    "survey.answered": (
        "Somebody answered a survey with {x} {where} {when}",
        "{when} wurde {where} mit {dative} eine Umfrage beantwortet",
    ),
    "review.posted": (
        "Somebody posted a review with {x} {where} {when}",
        "{when} wurde {where} mit {dative} eine Bewertung abgegeben",
    ),
    "referral.made": (
        "Somebody recommended the shop with {x} {where} {when}",
        "{when} wurde {where} mit {dative} eine Empfehlung ausgesprochen",
    ),
    "referral.redeemed": (
        "Somebody came by a recommendation with {x} {where} {when}",
        "{when} wurde {where} mit {dative} eine Empfehlung eingelöst",
    ),
    "community.posted": (
        "Somebody wrote for other customers with {x} {where} {when}",
        "{when} wurde {where} mit {dative} etwas für andere geschrieben",
    ),
    "idea.submitted": (
        "Somebody submitted an idea with {x} {where} {when}",
        "{when} wurde {where} mit {dative} eine Idee eingereicht",
    ),
    "contest.entered": (
        "Somebody entered a contest with {x} {where} {when}",
        "{when} gab es {where} mit {dative} eine Teilnahme an einem Gewinnspiel",
    ),
    "store.visited": (
        "Somebody visited a store with {x} {where} {when}",
        "{when} gab es {where} mit {dative} einen Besuch in einer Filiale",
    ),
    "support.contacted": (
        "Somebody contacted customer service with {x} {where} {when}",
        "{when} wurde {where} mit {dative} der Kundendienst angesprochen",
    ),
    "support.answered": (
        "Customer service answered {x} {where} {when}",
        "{when} antwortete der Kundendienst {where} zu {dative}",
    ),
    "complaint.opened": (
        "Somebody complained with {x} {where} {when}",
        "{when} wurde {where} mit {dative} eine Beschwerde eingereicht",
    ),
    "complaint.closed": (
        "A complaint of {x} was closed {where} {when}",
        "{when} wurde {where} zu {dative} eine Beschwerde abgeschlossen",
    ),
    "message.exchanged": (
        "Somebody exchanged messages with {x} {where} {when}",
        "{when} wurden {where} mit {dative} Nachrichten ausgetauscht",
    ),
    "appointment.booked": (
        "Somebody booked an appointment with {x} {where} {when}",
        "{when} wurde {where} mit {dative} ein Termin vereinbart",
    ),
    "quote.sent": (
        "A quote was sent to {x} {where} {when}",
        "{when} ging {where} zu {dative} ein Angebot hinaus",
    ),
    "opportunity.changed": (
        "A sales talk with {x} was noted {where} {when}",
        "{when} wurde {where} zu {dative} ein Verkaufsgespräch vermerkt",
    ),
    "action.planned": (
        "An action for {x} was planned {where} {when}",
        "{when} wurde {where} zu {dative} eine Maßnahme geplant",
    ),
    "action.done": (
        "An action for {x} was done {where} {when}",
        "{when} wurde {where} zu {dative} eine Maßnahme abgeschlossen",
    ),
    "contract.started": (
        "Somebody signed a contract with {x} {where} {when}",
        "{when} wurde {where} mit {dative} ein Vertrag geschlossen",
    ),
    "contract.renewed": (
        "A contract of {x} was renewed {where} {when}",
        "{when} wurde {where} zu {dative} ein Vertrag verlängert",
    ),
    "account.updated": (
        "The company account of {x} was changed {where} {when}",
        "{when} wurde {where} zu {dative} ein Firmenkonto geändert",
    ),
    "account.contact_changed": (
        "The contacts of a company account were changed with {x} {where} {when}",
        "{when} wurden {where} mit {dative} Ansprechpersonen eines Firmenkontos geändert",
    ),
    "household.member_changed": (
        "The members of a household were changed with {x} {where} {when}",
        "{when} wurden {where} mit {dative} Mitglieder eines Haushalts geändert",
    ),
    "custom.tracked": (
        "Something the shop has its own name for happened with {x} {where} {when}",
        "{when} geschah {where} mit {dative} etwas, das der Shop selbst benannt hat",
    ),
    "contract.ended": (
        "A contract of {x} ended {where} {when}",
        "{when} endete {where} zu {dative} ein Vertrag",
    ),
}
OTHERWISE = (
    "{x} was recorded {by} {where} {when}",
    "{when} wurde {where} {x} {by} erfasst",
)
"""Of any other event, and of a link without a reason."""
BY_SYSTEM = ("by the system {}", "vom System {}")
UNSEEN = (
    "{x} and {y} were recorded together {when}",
    "{when} wurden {x} und {y} zusammen erfasst",
)
"""Where the event itself is no longer stored."""
WITH_DEVICE = ("; {y} was in use.", "; dabei war {y} in Gebrauch.")
WITH_OTHER = (", together with {y}.", ", zusammen mit {y_dative}.")
WITHOUT_PROOF = (
    "; {y} was only named, without proof.",
    "; dabei wurde {y} nur genannt, ohne Beleg.",
)
WHEN = ("on {day} {month} {year}", "am {day}. {month} {year}")
RULES = {
    "persons": (
        "Each of the two belongs to one person only, so it is the same person.",
        "Beides gehört jeweils nur einer Person, also ist es dieselbe.",
    ),
    "nearest_person": (
        "As far as is known, only this one person uses {x}.",
        "Soweit bekannt, wird {x} nur von dieser einen Person genutzt.",
    ),
    "nobodys": (
        "Which customer it was is not known yet.",
        "Welche Kundin oder welcher Kunde es war, ist noch nicht bekannt.",
    ),
    "decision": (
        "A person ({author}) decided {when} that {x} and {y} are the same person. "
        "Reason given: {reason}",
        "Eine Person ({author}) hat {when} entschieden, dass {x} und {y} dieselbe Person sind. "
        "Angegebener Grund: {reason}",
    ),
}
STANDINGS = {
    "stated": (
        "Nothing proved that {x} and {y} are the same person's: no login, no card shown.",
        "Nichts belegt, dass {x} und {y} derselben Person gehören: keine Anmeldung, "
        "keine vorgezeigte Karte.",
    ),
    "decided": (
        "Even so, {x} and {y} were kept apart. {decided}",
        "Trotzdem blieben {x} und {y} getrennt. {decided}",
    ),
    "unlisted": (
        "Customers are not recognised by identifiers of this kind, so it says nothing of a person.",
        "An Kennungen dieser Art werden Personen nicht erkannt, also sagt das nichts über "
        "eine Person.",
    ),
    "refused": (
        "Even so, {x} and {y} were not brought together. {because}",
        "Trotzdem wurden {x} und {y} nicht zusammengeführt. {because}",
    ),
    "shared": (
        "This does not say whose it is. {because}",
        "Das sagt nicht, wem es gehört. {because}",
    ),
    "elsewhere": (
        "Yet one of the two is nearer to another customer.",
        "Eines der beiden ist aber jemand anderem näher.",
    ),
}
REASONS = {
    "unique": (
        "Otherwise one person would have {blockers}, and nobody has two of a kind from one issuer.",
        "Sonst hätte eine Person {blockers}, und niemand hat zwei dieser Art von einer "
        "ausgebenden Stelle.",
    ),
    "size_limit": (
        "Otherwise the person to whom {x} belongs would have more numbers and addresses than can "
        "be expected of one.",
        "Sonst hätte die Person, zu der {x} gehört, mehr Nummern und Adressen, als bei einem "
        "einzigen Menschen zu erwarten sind.",
    ),
    "different": (
        "Otherwise {blockers} would be one person. {decided}",
        "Sonst wären {blockers} eine Person. {decided}",
    ),
    "hub": (
        "{x} was seen with so many others{count} that it belongs to nobody.",
        "{x} wurde mit so vielen anderen gesehen{count}, dass das niemandem allein gehört.",
    ),
    "suspicious": (
        "{x} was used with too many others within one day, so it belongs to nobody.",
        "{x} wurde an einem Tag mit zu vielen anderen benutzt und wird niemandem zugeordnet.",
    ),
    "marked": (
        "{x} was marked as used by many, so it belongs to nobody.",
        "{x} wurde als von vielen genutzt gekennzeichnet und wird niemandem zugeordnet.",
    ),
    "unlisted": (
        "Customers are not recognised by {x}.",
        "An {x_dative} werden Personen nicht erkannt.",
    ),
}
SEVERAL = (
    "{x} is used by several people{whom}, so it belongs to nobody.",
    "{x} wird von mehreren Personen genutzt{whom} und wird deshalb niemandem zugeordnet.",
)
AT_LEAST = ("at least {}", "mindestens {}")
AMONG = ("{count} people, among them {names}", "{count} Personen, darunter {names}")
DECIDED = (
    "A person ({author}) decided {when} that they are two people. Reason given: {reason}",
    "Eine Person ({author}) hat {when} entschieden, dass es zwei Personen sind. "
    "Angegebener Grund: {reason}",
)
DECIDED_APART = (
    "A person ({author}) decided {when} that {x} and {y} are two people. Reason given: {reason}",
    "Eine Person ({author}) hat {when} entschieden, dass {x} und {y} zwei Personen sind. "
    "Angegebener Grund: {reason}",
)
NO_EFFECT = {
    "different": (
        "That has no effect, because others of the two were decided to be two people.",
        "Das hat keine Wirkung, weil zu anderen Kennungen der beiden entschieden wurde, dass es "
        "zwei Personen sind.",
    ),
    "": (
        "That has no effect, because one of them belongs to nobody.",
        "Das hat keine Wirkung, weil eine davon niemandem zugeordnet wird.",
    ),
}
BEING_APPLIED = (
    "That is being applied; ask again in a moment.",
    "Das wird gerade umgesetzt; bitte gleich noch einmal nachsehen.",
)
NO_REASON = ("none", "keiner")
YES = ("Yes: {x} and {y} belong to the same person.", "Ja: {x} und {y} gehören zur selben Person.")
YES_NOBODY = (
    "{x} and {y} belong together, but which customer it is, is not known yet.",
    "{x} und {y} gehören zusammen; um wen es sich handelt, ist noch nicht bekannt.",
)
YES_SHARED = (
    "{x} and {y} belong together, but to nobody alone.",
    "{x} und {y} gehören zusammen, aber niemandem allein.",
)
SELF = ("Both are the same: {x}.", "Beides ist dasselbe: {x}.")
NO_PERSONS = ("No: {x} and {y} are two people.", "Nein: {x} und {y} sind zwei Personen.")
NO_OTHER = (
    "No: {x} and {y} are not known to belong to the same person.",
    "Nein: dass {x} und {y} zur selben Person gehören, ist nicht bekannt.",
)
CONNECTION = ("What comes closest:", "Was dem am nächsten kommt:")
NO_CONNECTION = (
    "Nothing was ever seen that connects the two.",
    "Nichts verbindet die beiden.",
)
NOT_ALL = (
    "There is more than could be looked through here, so something may be missing.",
    "Es gibt mehr, als hier durchgesehen werden konnte; es kann etwas fehlen.",
)
ALSO = ("What does not count:", "Was nicht zählt:")
MORE = ("{count} more of this kind.", "{count} weitere dieser Art.")
MORE_STEPS = ("{count} more steps lie between.", "Dazwischen liegen {count} weitere Schritte.")
UNKNOWN_ONE = (
    "{names} was never seen in realm {realm}, so nothing can be said of the two",
    "{names} wurde im Mandanten {realm} nie gesehen, deshalb lässt sich zu den beiden nichts sagen",
)
UNKNOWN_BOTH = (
    "{names} were never seen in realm {realm}, so nothing can be said of the two",
    "{names} wurden im Mandanten {realm} nie gesehen, deshalb lässt sich zu ihnen nichts sagen",
)
ERASED = (
    "{names} was erased at the customer's request: nothing of it is stored, so nothing can be said "
    "of the two",
    "{names} wurde auf Wunsch der Person gelöscht: davon ist nichts mehr gespeichert, deshalb "
    "lässt sich zu den beiden nichts sagen",
)
NAMELESS = ("an identifier whose value is not stored", "eine Kennung ohne gespeicherten Wert")
NAMELESS_DATIVE = (NAMELESS[0], "einer Kennung ohne gespeicherten Wert")
AND = (" and ", " und ")
OF_ISSUER = (" (issued by {})", " (von {})")
BY_NUMBER = (" (no. {})", " (Nr. {})")
