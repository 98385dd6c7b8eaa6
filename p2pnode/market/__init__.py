"""Tasks from offer to receipt, for the requester and the worker; everything outside comes through ports."""
