"""Generator and reference of the EVM verifier for RISC Zero's recursion STARK with a Keccak-256 outer hash.

The package reads the recursion circuit from its published source, and writes the bytecode of the contracts
that check a proof of that circuit (``contracts/generated``). `python -m stark check`, run from
``contracts/``, rebuilds everything and compares it with what is committed, byte for byte. See
docs/onchain-verifier.md.
"""
