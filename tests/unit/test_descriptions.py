"""Descriptions of fields are read from the strings below them when a schema is asked for."""

from __future__ import annotations

from pydantic import BaseModel, Field, create_model

from schemas.descriptions import Described, descriptions


class Base(Described, BaseModel):
    """A model."""

    plain: int = 0
    """Of the base."""
    again: int = 0
    """Declared anew below."""
    undescribed: int = 0


class Derived(Base):
    """One that changes fields."""

    again: int = 1
    given: int = Field(0, description="Given to the field.")
    """Not read."""
    renamed: int = Field(0, alias="shownAs")
    """Several lines
    are kept."""

    class Inner(Described, BaseModel):
        """A class of a class."""

        plain: int = 0
        """Inside."""


def test_where_a_field_is_declared() -> None:
    """The string below a field in the class that declares it; one that is given goes before it."""
    assert descriptions(Base) == {"plain": "Of the base.", "again": "Declared anew below."}
    assert descriptions(Derived) == {
        "plain": "Of the base.",
        "given": "Given to the field.",
        "renamed": "Several lines\nare kept.",
    }
    assert descriptions(Derived.Inner) == {"plain": "Inside."}
    made = create_model("Made", __base__=Derived, given=(int, 0))
    assert descriptions(made).keys() == {"plain", "renamed"}


def test_a_schema_has_them() -> None:
    """Under the names that fields have in JSON, also inside of other models."""

    class Holder(BaseModel):
        held: Derived
        more: list[Derived.Inner]

    defined = Holder.model_json_schema()["$defs"]
    shown = {
        name: {
            key: one["description"]
            for key, one in model["properties"].items()
            if "description" in one
        }
        for name, model in defined.items()
    }
    assert shown == {
        "Derived": {
            "plain": "Of the base.",
            "given": "Given to the field.",
            "shownAs": "Several lines\nare kept.",
        },
        "Inner": {"plain": "Inside."},
    }
