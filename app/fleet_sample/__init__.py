"""A small FastAPI application that shows which release, slot and host answered."""
