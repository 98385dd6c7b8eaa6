//! SHA-256 with the accelerator, on words where they lie.
//!
//! RISC Zero's own wrapper copies what it pads to the heap, which is never freed: in a batch that is a
//! fresh page of memory a task. Here the padding is on the stack.

use p2pnode_batch::Digest;
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
const BLOCK: usize = 64;

/// Digest of `bytes`.
///
/// # Panics
/// Where they do not start at a word: the accelerator reads words.
pub fn sha256(bytes: &[u8]) -> Digest {
    assert!(bytes.as_ptr() as usize % 4 == 0, "bytes to be hashed start at a word");
    let whole = bytes.len() / BLOCK;
    let rest = &bytes[whole * BLOCK..];
    let mut state = INITIAL;
    if whole > 0 {
        // SAFETY: the bytes start at a word and hold `whole` blocks.
        unsafe { compress(&mut state, bytes.as_ptr(), whole) };
    }
    // FIPS 180-4 section 5.1.1: a one bit, zeros, the length in bits.
    let mut tail = Tail { words: [0; BLOCK / 4] };
    // SAFETY: every byte of the union is initialised, and any byte is a valid u8.
    let tail_bytes = unsafe { &mut tail.bytes };
    tail_bytes[..rest.len()].copy_from_slice(rest);
    tail_bytes[rest.len()] = 0x80;
    if rest.len() >= BLOCK - 8 {
        // SAFETY: the tail is one block, aligned as its words are.
        unsafe { compress(&mut state, tail_bytes.as_ptr(), 1) };
        tail = Tail { words: [0; BLOCK / 4] };
    }
    let bits = bytes.len() as u64 * 8;
    // SAFETY: every byte of the union is initialised, and it is one block of words.
    unsafe {
        tail.words[BLOCK / 4 - 2] = ((bits >> 32) as u32).to_be();
        tail.words[BLOCK / 4 - 1] = (bits as u32).to_be();
        compress(&mut state, tail.bytes.as_ptr(), 1);
    }
    Digest::from_words(state)
}

/// The last block, written as bytes and as words.
union Tail {
    bytes: [u8; BLOCK],
    words: [u32; BLOCK / 4],
}

/// # Safety
/// `start` is aligned to a word and is the start of `blocks` blocks.
unsafe fn compress(state: &mut [u32; 8], start: *const u8, blocks: usize) {
    let state: *mut [u32; 8] = state;
    sys_sha_buffer(state, state, start, blocks as u32);
}
