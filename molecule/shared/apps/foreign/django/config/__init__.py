"""A Django project with the usual layout."""
