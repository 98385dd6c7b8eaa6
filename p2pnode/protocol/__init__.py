"""The messages of the network and the bytes behind them. Pure: no I/O, no clock, no randomness."""
