"""Rescues: tasks that another worker missed, proved and settled in its place."""
