"""Additions to Django's database layer. They import nothing of the program."""
