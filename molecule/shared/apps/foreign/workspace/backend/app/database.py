"""The database, by the variable that the operator sets."""

import os

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_engine(os.environ["DATABASE_URL"])


class Base(DeclarativeBase):
    """The tables."""


class Booking(Base):
    """A table that the first migration makes."""

    __tablename__ = "booking"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
