//! RISC Zero's CPU prover on packed field elements.
//!
//! The proofs are those of the stock prover, bit for bit but for the zero-knowledge noise: only how many
//! elements an instruction handles differs. See docs/decisions/0009-packed-prover.md for what it gains.

mod hal;
mod keccak;
mod lanes;
mod ntt;
mod poly;
mod poseidon2;
mod program;
#[cfg(test)]
mod random;
mod registers;
mod run;
mod scalar;

pub use hal::PackedHal;
pub use run::eval_check;
