"""Alembic runs this module: it runs the steps on the connection that was opened for them."""

from __future__ import annotations

from alembic import context

if getattr(context, "config", None) is not None:  # otherwise somebody only imports this module
    context.configure(connection=context.config.attributes["connection"])
    with context.begin_transaction():
        context.run_migrations()
