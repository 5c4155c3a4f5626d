"""Elements of XML that was made by others, and small documents as a whole.

No entity is ever expanded and nothing outside a document is opened: a document that declares an
entity is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.parsers import expat

from services.intake.fields import NotTaken

SEPARATOR = "\x1f"
"""Between the namespace of a name and its local part."""
DEPTH_MAX = 64
YES_OR_NO = {"true": True, "1": True, "yes": True, "y": True,
             "false": False, "0": False, "no": False, "n": False, "": False}  # fmt: skip


class XmlNode:
    """An element: its local name, attributes, text and elements."""

    __slots__ = ("attributes", "name", "nodes", "parts")

    def __init__(self, name: str, attributes: Mapping[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.nodes: list[XmlNode] = []
        self.parts: list[str] = []

    @property
    def text(self) -> str:
        """Its own text, without blanks around it."""
        return "".join(self.parts).strip()

    def all(self, *names: str) -> list[XmlNode]:
        """The elements in it that have one of these names."""
        return [one for one in self.nodes if one.name in names]

    def first(self, *names: str) -> XmlNode | None:
        """The first of them."""
        return next((one for one in self.nodes if one.name in names), None)

    def said(self, *paths: str) -> str:
        """The text at the first path that has one: names with slashes between them."""
        for path in paths:
            node: XmlNode | None = self
            for name in path.split("/"):
                node = node.first(name) if node is not None else None
            if node is not None and node.text:
                return node.text
        return ""

    def only(self, name: str) -> XmlNode | None:
        """The element of that name, of which there may be one. Raises NotTaken."""
        found = self.all(name)
        if len(found) > 1:
            raise NotTaken(f"{self.name}.{name}", "stands more than once")
        return found[0] if found else None

    def flag(self, name: str) -> bool:
        """An attribute, or an element, that is yes or no. Raises NotTaken for another word."""
        stated = self.attributes.get(name, "") or self.said(name)
        is_yes = YES_OR_NO.get(stated.strip().lower())
        if is_yes is None:
            raise NotTaken(f"{self.name}.{name}", "must be true or false")
        return is_yes

    def within(self) -> Iterator[XmlNode]:
        """All elements in it, at any depth."""
        waiting = list(self.nodes)
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.nodes


def local_name(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition(SEPARATOR)[2]


def document_of(content: bytes) -> XmlNode:
    """The first element of a small document. It may name a document type, which is not opened.
    Raises ValueError."""
    parser = expat.ParserCreate(namespace_separator=SEPARATOR)
    parser.buffer_text = True
    stack = [XmlNode("", {})]

    def start(name: str, attributes: dict[str, str]) -> None:
        node = XmlNode(local_name(name), {local_name(key): attributes[key] for key in attributes})
        stack[-1].nodes.append(node)
        stack.append(node)
        if len(stack) > DEPTH_MAX:
            raise ValueError(f"nested more than {DEPTH_MAX} elements deep")

    def refuse(*_: object) -> None:
        raise ValueError("it declares entities")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: stack.pop()
    parser.CharacterDataHandler = lambda text: stack[-1].parts.append(text)
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError) as error:
        raise ValueError(str(error)) from error
    return stack[0].nodes[0]
