//! The two encodings of a Keccak seal: RISC Zero's words and the bytes that the contract reads.
//!
//! Both hold the same things in the same order (docs/onchain-verifier.md, section 2). Field elements are
//! Montgomery words, big-endian in the contract's bytes; digests are raw bytes there and little-endian
//! words natively. The map is a bijection, so a seal that verifies here is the seal that verifies there.

use anyhow::{ensure, Result};

use Run::{Digests, Elems};

/// A run of the seal.
enum Run {
    Elems(usize),
    Digests(usize),
}

/// Columns of the accum, code, data and check matrices.
const COLUMNS: [usize; 4] = [12, 23, 128, 16];
const QUERIES: usize = 50;
/// Nodes of each Merkle tree's top layer that the seal carries.
const TOP: usize = 32;
/// Bytes of a Keccak seal.
pub const SEAL_BYTES: usize = 222_668;

/// The layout of a seal of the recursion circuit at 2^18 rows.
fn layout() -> Vec<Run> {
    let mut runs = vec![Elems(33), Digests(4 * TOP), Elems(659 * 4), Digests(3 * TOP), Elems(256)];
    for _ in 0..QUERIES {
        for columns in COLUMNS {
            runs.extend([Elems(columns), Digests(15)]);
        }
        for path in [11, 7, 3] {
            runs.extend([Elems(64), Digests(path)]);
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
            Elems(n) => (n, false),
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
            Elems(n) => seal.extend(words.by_ref().take(n).map(u32::from_be_bytes)),
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
