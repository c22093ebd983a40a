"""A package in the src layout: it can be imported only once it is installed."""
