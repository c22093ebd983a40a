"""An API over PostgreSQL."""

from common import title
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.database import Booking, engine

router = APIRouter(prefix="/api/v1")


class BookingIn(BaseModel):
    """A booking as a visitor sends it."""

    title: str


@router.get("/utils/health-check/")
def health() -> bool:
    """Answer when the database does."""
    with engine.connect() as connection:
        connection.execute(text("select 1"))
    return True


@router.get("/bookings/")
def bookings() -> list[str]:
    """Return the titles of all bookings."""
    with Session(engine) as session:
        return list(session.scalars(select(Booking.title).order_by(Booking.id)))


@router.post("/bookings/", status_code=201)
def book(booking: BookingIn) -> str:
    """Keep a booking."""
    with Session(engine) as session:
        kept = Booking(title=title(booking.title))
        session.add(kept)
        session.commit()
        return kept.title


app = FastAPI(title="Bookings")
app.include_router(router)
