"""Importing: files read as commands, pure iterators with flat memory at any size.

No database and no HTTP in here: who feeds the commands into a ledger decides how.
"""
