"""The Joy Sovereign Coin: private notes on the chain. Pure cryptography and the wallet; no chain access."""
