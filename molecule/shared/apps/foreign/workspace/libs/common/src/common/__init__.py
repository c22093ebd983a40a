"""What the members of the workspace share."""

from markupsafe import escape


def title(text: str) -> str:
    """Return a title, safe in HTML."""
    return str(escape(text.strip().capitalize()))
