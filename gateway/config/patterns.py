"""The table [patterns] (gateway/patterns): how many findings a week people want to look at."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class PatternsTable(BaseModel):
    """`budget` is the most findings of a week; 0 shows none and still learns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    budget: Annotated[int, Field(ge=0, le=50)] = 5
    """The most findings of a week; 0 shows none and still learns."""
