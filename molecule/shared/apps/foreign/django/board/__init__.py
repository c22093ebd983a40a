"""Its only Django application."""
