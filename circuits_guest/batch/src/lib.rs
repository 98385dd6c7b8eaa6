//! What a batch of inferences commits to, shared by the guest and the prover.
//!
//! A batch is one ONNX model and up to [`MAX_TASKS`] tasks. Its journal is
//! `version u32be | count u32be | root`, where `root` is the RFC 6962 Merkle tree hash (section 2.1, with
//! SHA-256) over one leaf a task: `task ID | model digest | input digest | output digest`.
//!
//! SHA-256 is a parameter: the guest passes RISC Zero's accelerator, the host a software one. Both take a
//! [`Message`], the guest as padded words, the host as bytes.
#![no_std]
extern crate alloc;

use alloc::vec::Vec;

mod digest;
mod message;

use digest::write_tagged;
pub use digest::Digest;
pub use message::Message;

pub const JOURNAL_VERSION: u32 = 1;
pub const JOURNAL_BYTES: usize = 40;
pub const MAX_TASKS: usize = 1024;
/// Upper bound of a model's ONNX file and of one task's input, in bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// Hashes the tree, in messages that are used again.
pub struct Tree<H> {
    sha256: H,
    leaf: Message,
    node: Message,
}

impl<H: Fn(&mut Message) -> Digest> Tree<H> {
    pub fn new(sha256: H) -> Tree<H> {
        Tree { sha256, leaf: Message::default(), node: Message::default() }
    }

    /// Leaf hash of one task.
    pub fn leaf(&mut self, task_id: &Digest, model: &Digest, input: &Digest, output: &Digest) -> Digest {
        write_tagged(&mut self.leaf, 0, [task_id, model, input, output]);
        (self.sha256)(&mut self.leaf)
    }

    /// Merkle root over leaf hashes; an odd last node moves up unchanged, which is RFC 6962's tree.
    ///
    /// # Panics
    /// Without leaves: an empty batch has no proof.
    pub fn root(&mut self, mut nodes: Vec<Digest>) -> Digest {
        assert!(!nodes.is_empty(), "a batch needs at least one task");
        while nodes.len() > 1 {
            let parents = nodes.len().div_ceil(2);
            for i in 0..parents {
                nodes[i] = match nodes.get(2 * i + 1) {
                    Some(right) => {
                        write_tagged(&mut self.node, 1, [&nodes[2 * i], right]);
                        (self.sha256)(&mut self.node)
                    }
                    None => nodes[2 * i],
                };
            }
            nodes.truncate(parents);
        }
        nodes[0]
    }
}

/// The 40 bytes that the guest commits.
pub fn journal(count: u32, root: &Digest) -> [u8; JOURNAL_BYTES] {
    let mut bytes = [0u8; JOURNAL_BYTES];
    bytes[..4].copy_from_slice(&JOURNAL_VERSION.to_be_bytes());
    bytes[4..8].copy_from_slice(&count.to_be_bytes());
    bytes[8..].copy_from_slice(&root.to_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use sha2::{Digest as _, Sha256};

    fn sha(bytes: &[u8]) -> Digest {
        Digest::from_bytes(Sha256::digest(bytes).into())
    }

    fn tree() -> Tree<impl Fn(&mut Message) -> Digest> {
        Tree::new(|message: &mut Message| sha(message.bytes()))
    }

    /// RFC 6962 section 2.1 as written there: split at the largest power of two below n.
    fn rfc6962(leaves: &[Digest]) -> Digest {
        if leaves.len() == 1 {
            return leaves[0];
        }
        let split = leaves.len().next_power_of_two() / 2;
        let mut bytes = vec![1u8];
        bytes.extend(rfc6962(&leaves[..split]).to_bytes());
        bytes.extend(rfc6962(&leaves[split..]).to_bytes());
        sha(&bytes)
    }

    #[test]
    fn root_is_rfc_6962_for_every_small_size() {
        let leaves: Vec<Digest> = (0..70u8).map(|i| sha(&[i])).collect();
        for n in 1..=leaves.len() {
            assert_eq!(tree().root(leaves[..n].to_vec()), rfc6962(&leaves[..n]), "{n} leaves");
        }
    }

    #[test]
    fn leaf_binds_every_part() {
        let parts = [1, 2, 3, 4].map(|byte| Digest::from_bytes([byte; 32]));
        let whole = tree().leaf(&parts[0], &parts[1], &parts[2], &parts[3]);
        for i in 0..4 {
            let mut other = parts;
            let mut bytes = other[i].to_bytes();
            bytes[31] ^= 1;
            other[i] = Digest::from_bytes(bytes);
            assert_ne!(whole, tree().leaf(&other[0], &other[1], &other[2], &other[3]), "part {i}");
        }
    }

    #[test]
    fn leaf_is_zero_and_the_parts_in_order() {
        let parts =
            [1u8, 2, 3, 4].map(|part| Digest::from_bytes(core::array::from_fn(|i| part * 50 + i as u8)));
        let mut bytes = vec![0u8];
        parts.iter().for_each(|part| bytes.extend(part.to_bytes()));
        assert_eq!(tree().leaf(&parts[0], &parts[1], &parts[2], &parts[3]), sha(&bytes));
    }

    #[test]
    fn journal_is_version_count_root() {
        let bytes = journal(16, &Digest::from_bytes([7; 32]));
        assert_eq!(bytes[..8], [0, 0, 0, 1, 0, 0, 0, 16]);
        assert_eq!(bytes[8..], [7; 32]);
    }

    #[test]
    #[should_panic(expected = "at least one task")]
    fn no_root_without_leaves() {
        tree().root(vec![]);
    }
}
