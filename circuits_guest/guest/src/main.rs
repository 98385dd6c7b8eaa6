//! The guest: hashes a model, runs it on every task of a batch, commits the journal.
//!
//! Input words: `model length, task count`, then the numbers of the first task, the model, and for each task
//! its ID (8 words), the numbers of the next one, its claims and its input tensors. A task's numbers are the
//! words of its claims and the bytes of its input; contents are padded to words. Claims are of the products
//! that a run asks for; where a task says that it has none, they lie behind its input, and those of making
//! ready lie behind the model. Whatever cannot be run exactly panics with the reason, and a panicking run
//! has no receipt.
#![no_std]
#![no_main]
extern crate alloc;

mod accelerator;
mod sha256;

use accelerator::Accelerator;
use alloc::vec::Vec;
use p2pnode_batch::{journal, Digest, Message, Tree, MAX_BYTES, MAX_TASKS};
use p2pnode_onnx::{Model, Session};
use risc0_zkvm::guest::env;
use sha256::sha256;

risc0_zkvm::guest::entry!(main);

/// Words that stand before a task's claims and input: its ID, then numbers of the next task, those of its claims
/// and the bytes of its input.
const HEAD: usize = 10;
/// Most claims that are read together with a task.
const MAX_CLAIMS: usize = 1 << 16;

fn main() {
    let mut header = [0u32; 4];
    env::read_slice(&mut header);
    let [model_len, count, mut claims, mut len] = header.map(|n| n as usize);
    assert!(model_len <= MAX_BYTES, "the model exceeds 64 MiB");
    assert!((1..=MAX_TASKS).contains(&count), "a batch has 1 to 1024 tasks");

    let mut file = Message::default();
    file.resize(0, model_len);
    env::read_slice(file.words_mut());
    let model_digest = sha256(&mut file);
    let model = Model::parse(file.bytes()).unwrap_or_else(|e| panic!("model: {e}"));
    let mut accelerator = Accelerator::default();
    let mut session = Session::new(&model, count, &mut accelerator.with_claims(&[]));

    let (mut tree, mut task, mut answer) = (Tree::new(sha256), Message::default(), Message::default());
    let mut leaves = Vec::with_capacity(count);
    for index in 0..count {
        assert!(len <= MAX_BYTES && claims <= MAX_CLAIMS, "task {index}: it exceeds 64 MiB");
        task.resize(HEAD + claims, len);
        env::read_slice(task.words_mut());
        let input_digest = sha256(&mut task);
        let (head, claimed) = task.before().split_at(HEAD);
        let output = session.run(task.bytes(), &mut accelerator.with_claims(claimed));
        answer.set(output.unwrap_or_else(|e| panic!("task {index}: {e}")));
        let task_id = Digest::from_words(core::array::from_fn(|i| head[i]));
        leaves.push(tree.leaf(&task_id, &model_digest, &input_digest, &sha256(&mut answer)));
        (claims, len) = (head[8] as usize, head[9] as usize);
    }
    env::commit_slice(&journal(count as u32, &tree.root(leaves)));
}
