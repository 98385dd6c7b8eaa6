//! Prints what the guest commits to for batches given in a file, and RISC Zero's claim that it did.
//!
//! `statements CASES` reads one batch a line, `IMAGE_ID <tab> TASK...`, where an image ID is 32 bytes in
//! hex and a task is 128: task ID, model digest, input digest, output digest. It prints a line for each,
//! in order: `JOURNAL <tab> CLAIM <tab> LEAF...`, in hex. A line that is none of this ends the program.

use std::{env, error::Error, fs};

use p2pnode_batch::{journal, Digest, Message, Tree};
use risc0_zkvm::{sha::Digestible, ReceiptClaim};
use sha2::{Digest as _, Sha256};

fn tree() -> Tree<impl Fn(&mut Message) -> Digest> {
    Tree::new(|message: &mut Message| Digest::from_bytes(Sha256::digest(message.bytes()).into()))
}

fn task_leaf(text: &str) -> Result<Digest, Box<dyn Error>> {
    let task: [u8; 128] = hex::decode(text)?.try_into().map_err(|_| "a task is not 128 bytes")?;
    let part = |i: usize| Digest::from_bytes(core::array::from_fn(|at| task[32 * i + at]));
    Ok(tree().leaf(&part(0), &part(1), &part(2), &part(3)))
}

fn statement(line: &str) -> Result<String, Box<dyn Error>> {
    let mut fields = line.split('\t');
    let image_id: [u8; 32] = hex::decode(fields.next().unwrap_or_default())?
        .try_into()
        .map_err(|_| "an image ID is not 32 bytes")?;
    let leaves = fields.map(task_leaf).collect::<Result<Vec<_>, _>>()?;
    let journal = journal(leaves.len() as u32, &tree().root(leaves.clone()));
    let claim = ReceiptClaim::ok(risc0_zkvm::sha::Digest::from(image_id), journal.to_vec()).digest();
    let mut printed = vec![hex::encode(journal), hex::encode(claim)];
    printed.extend(leaves.iter().map(|leaf| hex::encode(leaf.to_bytes())));
    Ok(printed.join("\t"))
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: statements CASES")?;
    for line in fs::read_to_string(path)?.lines() {
        println!("{}", statement(line)?);
    }
    Ok(())
}
