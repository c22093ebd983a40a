"""A package with a version from its tag."""
