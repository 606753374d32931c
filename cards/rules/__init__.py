"""The rules, one recommendation a file, its cases beside it. Importing it loads every rule."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

RULE_MODULES = tuple(
    import_module(f"{__name__}.{module.name}").__name__ for module in iter_modules(__path__) if not module.ispkg
)
