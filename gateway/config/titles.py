"""A title or sentence that the site gives in English and Spanish."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Titles(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    en: str
    """In English."""
    es: str
    """In Spanish."""

    def said(self, language: str) -> str:
        """The title in `language`; the English one where the site gives none."""
        title: str = getattr(self, language, self.en)
        return title
