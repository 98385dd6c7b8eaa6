"""Inference that strangers sell to strangers, with a proof instead of trust."""
