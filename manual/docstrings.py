"""The strings that stand below the attributes of classes, which Python itself throws away."""

from __future__ import annotations

import ast
import inspect
from typing import Any

from pydantic import BaseModel


def attributes(model: type[BaseModel]) -> dict[str, str]:
    """What stands below each field of `model` and of the classes that it extends."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if not issubclass(one, BaseModel) or one is BaseModel:
            continue
        body = ast.parse(inspect.getsource(one)).body[0]
        assert isinstance(body, ast.ClassDef)
        for at, below in zip(body.body, body.body[1:], strict=False):
            if isinstance(at, ast.AnnAssign) and isinstance(at.target, ast.Name) and _string(below):
                found[at.target.id] = _string(below)
    return found


def _string(node: ast.stmt) -> str:
    value: Any = getattr(getattr(node, "value", None), "value", None)
    return " ".join(value.split()) if isinstance(node, ast.Expr) and isinstance(value, str) else ""
