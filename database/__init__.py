"""Additions to Django's database layer. They do not import other parts of the program."""
