"""Who somebody is: name, badge, squad and a note, of a new athlete or one the record knows."""

import secrets
from typing import Any

import msgspec

from dashboard.roster.names import is_shown, normalize_badge, normalize_name
from dashboard.roster.people import Athlete
from dashboard.tui.dialogs.ask import AskScreen, Field

_MOST = {"name": 80, "badge": 32, "squad": 32, "note": 200}  # characters, as in a coach's file


def person_form(one: Athlete | None, name: str = "") -> AskScreen:
    """A form for an athlete; it gives the changed one as `one`. A new one gets an id that names nobody."""
    known = one or Athlete(id=f"n-{secrets.token_hex(3)}", name=name)
    labels = {"name": "name", "badge": "badge", "squad": "squad", "note": "note for coaches"}
    fields = [Field(label, getattr(known, field) or "") for field, label in labels.items()]

    def parse(given: list[str]) -> dict[str, Any]:
        texts = {field: _text(field, text) for field, text in zip(labels, given, strict=True)}
        if texts["name"] is None:
            raise ValueError("name: every athlete has one")
        return {"one": msgspec.structs.replace(known, **texts)}

    return AskScreen(f"change {known.name}" if one else "a new athlete", fields, parse)


def _text(field: str, typed: str) -> str | None:
    text = normalize_badge(typed) if field == "badge" else normalize_name(typed)
    if not text:
        return None
    if not is_shown(text) or len(text) > _MOST[field]:
        raise ValueError(f"{field}: at most {_MOST[field]} printable characters")
    return text
