"""What all services share."""

GREETING = "Hello from a shared module"
