//! The two encodings of a Keccak seal: RISC Zero's words and the bytes that the contract reads.
//!
//! Both hold the same things in the same order (docs/onchain-verifier.md, section 2). Field elements are
//! Montgomery words, big-endian in the contract's bytes; digests are raw bytes there and little-endian
//! words natively. The map is a bijection, so a seal that verifies here is the seal that verifies there.

use anyhow::{ensure, Result};

use crate::{keccak::FRI, recursion::RECURSION_PO2};
use Run::{Digests, Words};

/// A run of the seal: field elements and the nonce, or digests.
enum Run {
    Words(usize),
    Digests(usize),
}

/// Columns of the accum, code, data and check matrices.
const COLUMNS: [usize; 4] = [12, 23, 128, 16];
/// The domain of the columns' low-degree extensions, as a power of two.
const DOMAIN_PO2: usize = RECURSION_PO2 + FRI.inv_rate.trailing_zeros() as usize;
/// What each round of the low-degree test takes off a domain, and their number.
const FOLD_PO2: usize = 4;
const ROUNDS: usize = 3;
/// Layers of each Merkle tree above its paths: the seal carries the lowest of them.
const TOP_PO2: usize = FRI.top_nodes.trailing_zeros() as usize;
/// Bytes of a Keccak seal.
pub const SEAL_BYTES: usize = 130_672;

/// The layout of a seal of the recursion circuit at 2^18 rows.
fn layout() -> Vec<Run> {
    let top = FRI.top_nodes;
    let mut runs =
        vec![Words(33), Digests(4 * top), Words(659 * 4), Digests(ROUNDS * top), Words(256), Words(1)];
    for _ in 0..FRI.queries {
        for columns in COLUMNS {
            runs.extend([Words(columns), Digests(DOMAIN_PO2 - TOP_PO2)]);
        }
        for round in 1..=ROUNDS {
            runs.extend([Words(64), Digests(DOMAIN_PO2 - FOLD_PO2 * round - TOP_PO2)]);
        }
    }
    runs
}

/// Words of a native seal to the contract's bytes.
pub fn encode(words: &[u32]) -> Result<Vec<u8>> {
    ensure!(words.len() * 4 == SEAL_BYTES, "a seal has {SEAL_BYTES} bytes, this one {}", words.len() * 4);
    let mut bytes = Vec::with_capacity(SEAL_BYTES);
    let mut rest = words;
    for run in layout() {
        let (count, is_digest) = match run {
            Words(n) => (n, false),
            Digests(n) => (8 * n, true),
        };
        let (now, later) = rest.split_at(count);
        now.iter().for_each(|w| bytes.extend(if is_digest { w.to_le_bytes() } else { w.to_be_bytes() }));
        rest = later;
    }
    assert!(rest.is_empty());
    Ok(bytes)
}

/// The contract's bytes back to the words of the native seal.
pub fn decode(bytes: &[u8]) -> Result<Vec<u32>> {
    ensure!(bytes.len() == SEAL_BYTES, "a seal has {SEAL_BYTES} bytes, this one {}", bytes.len());
    let mut words = bytes.chunks_exact(4).map(|b| <[u8; 4]>::try_from(b).unwrap());
    let mut seal = Vec::with_capacity(SEAL_BYTES / 4);
    for run in layout() {
        match run {
            Words(n) => seal.extend(words.by_ref().take(n).map(u32::from_be_bytes)),
            Digests(n) => seal.extend(words.by_ref().take(8 * n).map(u32::from_le_bytes)),
        }
    }
    Ok(seal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_a_bijection_of_the_full_length() {
        let words: Vec<u32> = (0..SEAL_BYTES as u32 / 4).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
        let bytes = encode(&words).unwrap();
        assert_eq!(bytes.len(), SEAL_BYTES);
        assert_eq!(decode(&bytes).unwrap(), words);
    }

    #[test]
    fn elements_are_big_endian_and_digests_are_bytes() {
        let mut words = vec![0u32; SEAL_BYTES / 4];
        words[0] = 0x0102_0304;
        words[33] = 0x0102_0304;
        let bytes = encode(&words).unwrap();
        assert_eq!(bytes[..4], [1, 2, 3, 4]);
        assert_eq!(bytes[132..136], [4, 3, 2, 1]);
    }

    #[test]
    fn other_lengths_are_refused() {
        assert!(encode(&[0; 10]).is_err());
        assert!(decode(&[0; SEAL_BYTES + 1]).is_err());
        assert!(decode(&[0; SEAL_BYTES - 4]).is_err());
    }
}
