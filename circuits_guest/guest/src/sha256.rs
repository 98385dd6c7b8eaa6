//! SHA-256 with the accelerator, on words where they lie.
//!
//! RISC Zero's own wrapper copies what it pads to the heap, which is never freed: in a batch that is a
//! fresh page of memory a task. Here the padding is on the stack.

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
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    assert!(bytes.as_ptr() as usize % 4 == 0, "bytes to be hashed start at a word");
    let whole = bytes.len() / BLOCK;
    let rest = &bytes[whole * BLOCK..];
    let blocks = if rest.len() < BLOCK - 8 { 1 } else { 2 };
    // FIPS 180-4 section 5.1.1: a one bit, zeros, the length in bits.
    let mut tail = Tail([0; 2 * BLOCK]);
    tail.0[..rest.len()].copy_from_slice(rest);
    tail.0[rest.len()] = 0x80;
    let end = blocks * BLOCK;
    tail.0[end - 8..end].copy_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    let mut state = INITIAL;
    let out: *mut [u32; 8] = &mut state;
    // SAFETY: the state is eight words, read before they are written; both inputs start at a word and have
    // the whole blocks that are named.
    unsafe {
        if whole > 0 {
            sys_sha_buffer(out, out, bytes.as_ptr(), whole as u32);
        }
        sys_sha_buffer(out, out, tail.0.as_ptr(), blocks as u32);
        core::mem::transmute(state)
    }
}

#[repr(align(4))]
struct Tail([u8; 2 * BLOCK]);
