"""Messages sent to customers, and what they did with them."""

from __future__ import annotations

import re
from enum import StrEnum

from schemas.base import (
    Address,
    Code,
    Contract,
    Currency,
    Flag,
    Instant,
    NonNegativeMoney,
    OptionalCode,
    Title,
    Url,
)

MACHINE_AGENT = re.compile(
    r"Mozilla/5\.0$"  # alone: Apple Mail Privacy Protection; at the end: proxies of mailboxes
    r"|GoogleImageProxy|YahooMailProxy|YahooCacheSystem|ggpht\.com|ImgProxy"
    # Programs name themselves, or leave an address: bingbot/2.0, Bytespider, (+https://…).
    # Cubot makes telephones.
    r"|(?<!cu)bot(?![a-z])|crawler|spider(?![a-z])|scanner|slurp|archiver|https?://"
    r"|Google(Other|-Read-Aloud|-Safety)|[a-z]-Google\b"
    r"|preview|externalhit|SafeLinks|Outlook-?Scan|Office (Existence|Protocol) Discovery|^WhatsApp/"
    r"|Barracuda|Mimecast|Proofpoint|Symantec|MessageLabs|Sophos|Trend ?Micro|FireEye|Trellix"
    r"|IronPort|Cloudmark|Zscaler|Forti(net|mail|guard)|Vade ?Secure|Hornetsecurity|Cyren|Avanan"
    r"|Websense|Forcepoint|NoSpamProxy|EmailProtection"
    r"|Headless|PhantomJS|Selenium|WebDriver|Puppeteer|Playwright|Zabbix|Pingdom|StatusCake"
    # Libraries, where they say who they are: as the first product.
    r"|^(curl|Wget|Go-http-client|Java|Apache-HttpClient|Jakarta|axios|node-fetch|node|undici"
    r"|Python|python-[a-z]+|aiohttp|libwww-perl|PHP|GuzzleHttp|Ruby|Faraday|Scrapy|PostmanRuntime"
    r"|HTTPie|rest-client|Deno|Bun)\b",
    re.IGNORECASE,
)
"""User agents of programs that open mails and follow links for somebody: how such programs are
named, and the names of those that are named otherwise."""


class Purpose(StrEnum):
    """Why a message was sent; decides whether it counts as contact pressure."""

    MARKETING = "marketing"
    SERVICE = "service"
    TRANSACTIONAL = "transactional"
    SURVEY = "survey"
    CART_REMINDER = "cart_reminder"


class MessageSent(Contract):
    """A message left for one address."""

    purpose: Purpose
    address: Address = ""
    campaign: OptionalCode = ""
    subject: Title = ""
    message_id: OptionalCode = ""
    survey: OptionalCode = ""
    """Of an invitation: the survey to which it invites, as in `survey.answered`."""
    wave: OptionalCode = ""
    """Of an invitation: which run of the survey."""


class Bounce(StrEnum):
    """Whether the address does not exist (`hard`) or could not be reached this time (`soft`)."""

    HARD = "hard"
    SOFT = "soft"


class MessageReaction(Contract):
    """Delivered, opened, clicked, bounced, complained, unsubscribed."""

    address: Address = ""
    campaign: OptionalCode = ""
    message_id: OptionalCode = ""
    url: Url = ""
    single_use_token: Flag = False
    """The link contained a single-use token. Only then may an identifier of an open, a click or an
    unsubscription be verified."""
    purpose: OptionalCode = ""
    """Of an unsubscription: the purpose it ends. Empty, or a purpose that is not configured
    (`C360_CONSENT_PURPOSES`), means every e-mail purpose."""
    bounce: Bounce | None = None
    """Of a bounce; without it a hard one is recognised by the SMTP reply in `reason`."""
    automated: Flag = False
    """A program opened or clicked: a proxy that loads pictures in advance, a link scanner."""
    user_agent: Url = ""
    """Of an open or click; known proxies and scanners are recognised by it."""
    reason: Title = ""

    @property
    def is_automated(self) -> bool:
        """Whether a program did it, as the sender says or as its user agent shows."""
        if self.automated:
            return True
        return bool(self.user_agent) and MACHINE_AGENT.search(self.user_agent) is not None


class CampaignPurpose(StrEnum):
    """What a campaign is for."""

    ACQUISITION = "acquisition"
    """To win customers."""
    RETENTION = "retention"
    """To keep them."""
    WIN_BACK = "win_back"
    """To win back those who left."""
    OTHER = "other"


class CampaignPublished(Contract):
    """A campaign starts: mailing, leaflet, spot, poster."""

    campaign: OptionalCode = ""
    title: Title = ""
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    cost: NonNegativeMoney | None = None
    """What it costs on the channel of the event, all in all and without tax. It is the cost of the
    retailer, no price of a product. The costs of a campaign on several channels add up."""
    currency: Currency | None = None
    """Currency of `cost`; empty means the realm's."""
    audience: OptionalCode = ""
    """For whom it is: name of a segment or target group."""
    purpose: CampaignPurpose | None = None
    """What it is for; empty means unknown."""


class CampaignReached(Contract):
    """A campaign reached somebody, as far as is known."""

    campaign: OptionalCode = ""
    title: Title = ""


class CampaignHeldOut(Contract):
    """Somebody of the audience was chosen by chance not to be addressed by a campaign: a member of
    the control group with which those who were addressed are compared."""

    campaign: Code
    """The campaign, as in `campaign.published`."""
