//! SHA-256 with the accelerator, on words where they lie.
//!
//! RISC Zero's own wrapper copies what it pads to the heap, which is never freed: in a batch that is a
//! fresh page of memory a task.

use p2pnode_batch::{Digest, Message};
use risc0_zkvm_platform::syscall::sys_sha_buffer;

/// FIPS 180-4 section 5.3.3, as big-endian bytes in memory.
static INITIAL: [u32; 8] = [
    0x6a09e667_u32.to_be(),
    0xbb67ae85_u32.to_be(),
    0x3c6ef372_u32.to_be(),
    0xa54ff53a_u32.to_be(),
    0x510e527f_u32.to_be(),
    0x9b05688c_u32.to_be(),
    0x1f83d9ab_u32.to_be(),
    0x5be0cd19_u32.to_be(),
];
const BLOCK_WORDS: usize = 16;

pub fn sha256(message: &mut Message) -> Digest {
    let blocks = message.blocks();
    let mut digest = [0; 8];
    // SAFETY: the blocks are words, and there are as many as is said.
    unsafe {
        let count = (blocks.len() / BLOCK_WORDS) as u32;
        sys_sha_buffer(&mut digest, &INITIAL, blocks.as_ptr().cast(), count);
    }
    Digest::from_words(digest)
}
