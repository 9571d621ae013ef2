"""The conformance statement, made of the tables that the code works with (PS3.2)."""
