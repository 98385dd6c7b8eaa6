//! Bytes of weights as the accelerator reads them: in whole chunks, where they lie if they lie so.

use alloc::borrow::Cow;
use alloc::vec;

use crate::engine::{Chunk, CHUNK};

/// Signed bytes as they lie.
pub(crate) fn as_bytes(signed: &[i8]) -> &[u8] {
    // SAFETY: i8 and u8 have the same size and alignment, and any byte is valid in both.
    unsafe { core::slice::from_raw_parts(signed.as_ptr().cast(), signed.len()) }
}

/// Bytes as they lie, signed.
pub(crate) fn as_signed(bytes: &[u8]) -> &[i8] {
    // SAFETY: as in `as_bytes`.
    unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

/// The bytes of `depth` rows of `columns` weights, each with `flip` over it, in whole chunks a row.
pub(crate) fn chunked(weights: &[u8], depth: usize, columns: usize, flip: u8) -> Cow<'_, [Chunk]> {
    let width = columns.div_ceil(CHUNK);
    let whole = columns % CHUNK == 0;
    // SAFETY: any sixteen bytes are a valid chunk.
    let (before, lying, after) = unsafe { weights.align_to::<Chunk>() };
    if whole && flip == 0 && before.is_empty() && after.is_empty() && cfg!(target_endian = "little") {
        return Cow::Borrowed(lying);
    }
    let mut chunks = vec![Chunk::default(); depth * width];
    let flips = u32::from_le_bytes([flip; 4]);
    if whole {
        copy_words(weights, flips, chunks.as_flattened_mut());
        return Cow::Owned(chunks);
    }
    for (row, out) in weights.chunks_exact(columns).zip(chunks.chunks_exact_mut(width)) {
        let (fours, rest) = row.as_chunks::<4>();
        let out = out.as_flattened_mut();
        out.iter_mut().zip(fours).for_each(|(to, four)| *to = u32::from_le_bytes(*four) ^ flips);
        if !rest.is_empty() {
            let last = rest.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte ^ flip));
            out[fours.len()] = last;
        }
    }
    Cow::Owned(chunks)
}

/// Copies words that may start between words: the guest reads a byte no cheaper than a word.
fn copy_words(bytes: &[u8], flips: u32, out: &mut [u32]) {
    // SAFETY: any four bytes are a valid u32.
    let (before, words, after) = unsafe { bytes.align_to::<u32>() };
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
    if before.is_empty() {
        out.iter_mut().zip(words).for_each(|(to, word)| *to = u32::from_le(*word) ^ flips);
        return;
    }
    let (shift, mut carry) = (8 * before.len() as u32, word(before));
    let (last, most) = out.split_last_mut().expect("a matrix has a row and a column");
    let mut put = |to: &mut [u32], words: &[u32]| {
        for (to, next) in to.iter_mut().zip(words) {
            let next = u32::from_le(*next);
            *to = (carry | next << shift) ^ flips;
            carry = next >> (32 - shift);
        }
    };
    // Eight at a time, which the compiler writes out.
    let ((to, to_rest), (from, from_rest)) = (most.as_chunks_mut::<8>(), words.as_chunks::<8>());
    to.iter_mut().zip(from).for_each(|(to, from)| put(to, from));
    put(to_rest, from_rest);
    *last = (carry | word(after) << shift) ^ flips;
}
