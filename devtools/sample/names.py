"""Word lists for invented German people and addresses.

E-mail domains end in `.example` and telephone numbers come from the blocks that the German
regulator keeps free for films, so nothing here can reach a real person.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FEMALE = _words(
    "Anna Lena Sophie Marie Julia Laura Katharina Sabine Petra Claudia Monika Ursula Birgit Heike "
    "Jana Frieda Greta Käthe Zoë Jördis Mathilda Ines Svenja Nele Özlem Renate"
)
MALE = _words(
    "Paul Jonas Lukas Felix Maximilian Jürgen Björn Thomas Stefan Andreas Michael Wolfgang Uwe "
    "Günther Jörg Emre Niklas Moritz Till Hannes Rainer Sören Anton Oskar Götz Dieter"
)
LAST = _words(
    "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer "
    "Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange "
    "Werner Krause Lehmann Köhler Maier Jäger Möller Böhm Yılmaz Groß Weiß Vogt Sauer Pohl Kühn "
    "Ziegler Busch Engel Horn Brandt Kaiser Fuchs Scholz Lorenz Winkler Baumann Franke"
)
STREETS = _words(
    "Lindenweg Gartenstraße Hauptstraße Bahnhofstraße Schulstraße Birkenallee Bergstraße "
    "Kirchgasse Mühlenweg Rosenstraße Goethestraße Schillerstraße Am_Anger Ringstraße Waldweg"
)
CITIES = (
    ("10115", "Berlin"),
    ("20095", "Hamburg"),
    ("50667", "Köln"),
    ("60311", "Frankfurt am Main"),
    ("80331", "München"),
    ("70173", "Stuttgart"),
    ("04109", "Leipzig"),
    ("01067", "Dresden"),
    ("90402", "Nürnberg"),
    ("24103", "Kiel"),
)
MAIL_DOMAINS = ("post.example", "mail.example", "brief.example", "web.example")
IDN_DOMAINS = ("bücherwurm.example", "grün.example")
FICTION_BLOCKS = (
    ("30", "23125"),
    ("69", "90009"),
    ("40", "66969"),
    ("221", "4710"),
    ("89", "99998"),
)
"""Area code and first digits; each block holds 1,000 numbers that are never assigned."""

_ASCII = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ë": "e", "ı": "i", " ": "", "_": ""}
)


def ascii_name(name: str) -> str:
    """A name as it goes into an e-mail address."""
    return name.lower().translate(_ASCII)


def with_typo(name: str, at: int) -> str:
    """A name with two neighbouring letters swapped, as a hurried clerk types it."""
    cut = 1 + at % max(1, len(name) - 2)
    return name[:cut] + name[cut + 1 : cut + 2] + name[cut] + name[cut + 2 :]
