//! What a batch of inferences commits to, shared by the guest and the prover.
//!
//! A batch is one ONNX model and up to [`MAX_TASKS`] tasks. Its journal is
//! `version u32be | count u32be | root`, where `root` is the RFC 6962 Merkle tree hash (section 2.1, with
//! SHA-256) over one leaf a task: `task ID | model digest | input digest | output digest`.
//!
//! SHA-256 is a parameter: the guest passes RISC Zero's accelerator, the host a software one.
#![no_std]
extern crate alloc;

use alloc::vec::Vec;

pub type Digest = [u8; 32];

pub const JOURNAL_VERSION: u32 = 1;
pub const JOURNAL_BYTES: usize = 40;
pub const MAX_TASKS: usize = 1024;
/// Upper bound of a model's ONNX file and of one task's input, in bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// Bytes that the guest's accelerator hashes where they lie: it reads whole words.
#[repr(align(4))]
struct Aligned<const N: usize>([u8; N]);

/// Leaf hash of one task.
pub fn leaf(
    sha256: impl Fn(&[u8]) -> Digest,
    task_id: &Digest,
    model: &Digest,
    input: &Digest,
    output: &Digest,
) -> Digest {
    let mut bytes = Aligned([0u8; 129]);
    for (i, part) in [task_id, model, input, output].into_iter().enumerate() {
        bytes.0[1 + 32 * i..33 + 32 * i].copy_from_slice(part);
    }
    sha256(&bytes.0)
}

/// Merkle root over leaf hashes; an odd last node moves up unchanged, which is RFC 6962's tree.
///
/// # Panics
/// Without leaves: an empty batch has no proof.
pub fn merkle_root(sha256: impl Fn(&[u8]) -> Digest, mut nodes: Vec<Digest>) -> Digest {
    assert!(!nodes.is_empty(), "a batch needs at least one task");
    let mut bytes = Aligned([1u8; 65]);
    while nodes.len() > 1 {
        let parents = nodes.len().div_ceil(2);
        for i in 0..parents {
            nodes[i] = match nodes.get(2 * i + 1) {
                Some(right) => {
                    bytes.0[33..].copy_from_slice(right);
                    bytes.0[1..33].copy_from_slice(&nodes[2 * i]);
                    sha256(&bytes.0)
                }
                None => nodes[2 * i],
            };
        }
        nodes.truncate(parents);
    }
    nodes[0]
}

/// The 40 bytes that the guest commits.
pub fn journal(count: u32, root: &Digest) -> [u8; JOURNAL_BYTES] {
    let mut bytes = [0u8; JOURNAL_BYTES];
    bytes[..4].copy_from_slice(&JOURNAL_VERSION.to_be_bytes());
    bytes[4..8].copy_from_slice(&count.to_be_bytes());
    bytes[8..].copy_from_slice(root);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use sha2::{Digest as _, Sha256};

    fn sha(bytes: &[u8]) -> Digest {
        Sha256::digest(bytes).into()
    }

    /// RFC 6962 section 2.1 as written there: split at the largest power of two below n.
    fn rfc6962(leaves: &[Digest]) -> Digest {
        if leaves.len() == 1 {
            return leaves[0];
        }
        let split = leaves.len().next_power_of_two() / 2;
        let mut bytes = vec![1u8];
        bytes.extend(rfc6962(&leaves[..split]));
        bytes.extend(rfc6962(&leaves[split..]));
        sha(&bytes)
    }

    #[test]
    fn root_is_rfc_6962_for_every_small_size() {
        let leaves: Vec<Digest> = (0..70u8).map(|i| sha(&[i])).collect();
        for n in 1..=leaves.len() {
            assert_eq!(merkle_root(sha, leaves[..n].to_vec()), rfc6962(&leaves[..n]), "{n} leaves");
        }
    }

    #[test]
    fn leaf_binds_every_part() {
        let parts = [[1u8; 32], [2; 32], [3; 32], [4; 32]];
        let whole = leaf(sha, &parts[0], &parts[1], &parts[2], &parts[3]);
        for i in 0..4 {
            let mut other = parts;
            other[i][31] ^= 1;
            assert_ne!(whole, leaf(sha, &other[0], &other[1], &other[2], &other[3]), "part {i}");
        }
    }

    #[test]
    fn journal_is_version_count_root() {
        let bytes = journal(16, &[7; 32]);
        assert_eq!(bytes[..8], [0, 0, 0, 1, 0, 0, 0, 16]);
        assert_eq!(bytes[8..], [7; 32]);
    }

    #[test]
    #[should_panic(expected = "at least one task")]
    fn no_root_without_leaves() {
        merkle_root(sha, vec![]);
    }
}
