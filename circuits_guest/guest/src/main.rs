//! The guest: hashes a model, runs it on every task of a batch, commits the journal.
//!
//! Input words: `model length, task count`, the model, then for each task its ID (8 words), the length of
//! its input and the input tensors; lengths in bytes, contents padded to words. Behind the model and behind
//! each input lie the claims of the products that making ready and running ask for. Whatever cannot be run
//! exactly panics with the reason, and a panicking run has no receipt.
#![no_std]
#![no_main]
extern crate alloc;

mod accelerator;
mod sha256;

use accelerator::Accelerator;
use alloc::{vec, vec::Vec};
use p2pnode_batch::{journal, leaf, merkle_root, Digest, MAX_BYTES, MAX_TASKS};
use p2pnode_onnx::{Model, Session};
use risc0_zkvm::guest::env;
use sha256::sha256;

risc0_zkvm::guest::entry!(main);

/// Words read from the host, in memory that is used again for the next read: the heap is never freed.
struct Words(Vec<u32>);

impl Words {
    fn read(&mut self, bytes: usize) -> &[u8] {
        let count = bytes.div_ceil(4);
        if self.0.len() < count {
            self.0 = vec![0; count]; // memory that nothing touched is zero: unlike resize, this writes none
        }
        let words = &mut self.0[..count];
        env::read_slice(words);
        // SAFETY: u32 has no padding, any byte is a valid u8, and `bytes` is at most the size of `words`.
        unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), bytes) }
    }
}

fn main() {
    let mut header = [0u32; 2];
    env::read_slice(&mut header);
    let (model_len, count) = (header[0] as usize, header[1] as usize);
    assert!(model_len <= MAX_BYTES, "the model exceeds 64 MiB");
    assert!((1..=MAX_TASKS).contains(&count), "a batch has 1 to 1024 tasks");

    let mut words = Words(Vec::new());
    let bytes = words.read(model_len);
    let model_digest = sha256(bytes);
    let model = Model::parse(bytes).unwrap_or_else(|e| panic!("model: {e}"));
    let mut session = Session::new(&model, count, Accelerator::default());

    let mut words = Words(Vec::new());
    let mut leaves = Vec::with_capacity(count);
    for index in 0..count {
        let mut head = [0u32; 9];
        env::read_slice(&mut head);
        let len = head[8] as usize;
        assert!(len <= MAX_BYTES, "task {index}: the input exceeds 64 MiB");
        let task_id = Digest::from_words(core::array::from_fn(|i| head[i]));
        let input = words.read(len);
        let output = session.run(input).unwrap_or_else(|e| panic!("task {index}: {e}"));
        leaves.push(leaf(sha256, &task_id, &model_digest, &sha256(input), &sha256(output)));
    }
    env::commit_slice(&journal(count as u32, &merkle_root(sha256, leaves)));
}
