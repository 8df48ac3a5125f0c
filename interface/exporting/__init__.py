"""Exports: a ledger's books in the forms that other software takes.

Each form is a file here: what it writes and what it can't say. All of them read an `Extract`.
"""
