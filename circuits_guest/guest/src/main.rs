//! The guest: hashes a model, runs it on every task of a batch, commits the journal.
//!
//! Input words: `model length, task count`, the model, then for each task its ID (8 words), the length of
//! its input and the input tensors; lengths in bytes, contents padded to words. Whatever cannot be run
//! exactly panics with the reason, and a panicking run has no receipt.
#![no_std]
#![no_main]
extern crate alloc;

use alloc::{vec, vec::Vec};
use p2pnode_batch::{journal, leaf, merkle_root, run_task, Digest, MAX_BYTES, MAX_TASKS};
use p2pnode_onnx::Model;
use risc0_zkvm::guest::{
    env,
    sha::{Impl, Sha256},
};

risc0_zkvm::guest::entry!(main);

fn sha256(bytes: &[u8]) -> Digest {
    (*Impl::hash_bytes(bytes)).into()
}

fn read_words(count: usize) -> Vec<u32> {
    let mut words = vec![0u32; count];
    env::read_slice(&mut words);
    words
}

/// Views words as the bytes the host wrote, without copying them.
fn as_bytes(words: &[u32], len: usize) -> &[u8] {
    // SAFETY: u32 has no padding and any byte is a valid u8; the slice covers exactly `words`.
    let bytes = unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), words.len() * 4) };
    &bytes[..len]
}

fn main() {
    let header = read_words(2);
    let (model_len, count) = (header[0] as usize, header[1] as usize);
    assert!(model_len <= MAX_BYTES, "the model exceeds 64 MiB");
    assert!((1..=MAX_TASKS).contains(&count), "a batch has 1 to 1024 tasks");

    let words = read_words(model_len.div_ceil(4));
    let bytes = as_bytes(&words, model_len);
    let model_digest = sha256(bytes);
    let model = Model::parse(bytes).unwrap_or_else(|e| panic!("model: {e}"));

    let leaves = (0..count)
        .map(|index| {
            let head = read_words(9);
            let task_id: Digest = as_bytes(&head, 32).try_into().unwrap();
            let len = head[8] as usize;
            assert!(len <= MAX_BYTES, "task {index}: the input exceeds 64 MiB");
            let words = read_words(len.div_ceil(4));
            let input = as_bytes(&words, len);
            let output = run_task(&model, input).unwrap_or_else(|e| panic!("task {index}: {e}"));
            leaf(sha256, &task_id, &model_digest, &sha256(input), &sha256(&output))
        })
        .collect();
    env::commit_slice(&journal(count as u32, &merkle_root(sha256, leaves)));
}
