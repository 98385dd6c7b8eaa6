//! Keccak-256 of several rows at once, by Plonky3's vectorised permutation.
//!
//! It is the hash of the last recursion step, whose proof the EVM checks: elements are hashed as their
//! Montgomery words, big-endian (see ../../prover/src/keccak.rs).

use p3_keccak::{KeccakF, VECTOR_LEN};
use p3_symmetric::Permutation;
use rayon::prelude::*;
use risc0_zkp::core::digest::{Digest, DIGEST_WORDS};

use crate::lanes::Word;

/// Rows that are hashed at once.
pub const ROWS: usize = VECTOR_LEN;

/// Words of the sponge's rate.
const RATE: usize = 2 * 17;

/// The permutation's 25 words of 64 bits, for each row.
type State = [[u64; ROWS]; 25];

/// Half a word of the state as the sponge reads it: little-endian.
fn xor(state: &mut State, row: usize, at: usize, half: u32) {
    state[at / 2][row] ^= u64::from(half) << (32 * (at % 2));
}

/// Keccak's padding after `len` words of the last block, and the last permutation.
fn finish(state: &mut State, len: usize, digests: &mut [Digest]) {
    for row in 0..ROWS {
        xor(state, row, len, 1);
        xor(state, row, RATE - 1, 1 << 31);
    }
    KeccakF.permute_mut(state);
    for (row, digest) in digests.iter_mut().enumerate() {
        let half = |at: usize| (state[at / 2][row] >> (32 * (at % 2))) as u32;
        *digest = Digest::from(core::array::from_fn::<u32, DIGEST_WORDS, _>(half));
    }
}

/// Hashes each row of a matrix that is stored by columns. The number of rows, `out.len()`, has to be a
/// multiple of [`ROWS`].
pub fn hash_rows(out: &mut [Digest], matrix: &[Word]) {
    let rows = out.len();
    let columns: Vec<&[Word]> = matrix.chunks_exact(rows).collect();
    let blocks = columns.chunks_exact(RATE);
    let rest = blocks.remainder();
    out.par_chunks_exact_mut(ROWS).enumerate().for_each(|(at, digests)| {
        let absorb = |state: &mut State, columns: &[&[Word]]| {
            for (i, column) in columns.iter().enumerate() {
                for (row, &word) in column[at * ROWS..][..ROWS].iter().enumerate() {
                    xor(state, row, i, raw(word).swap_bytes());
                }
            }
        };
        let mut state = [[0; ROWS]; 25];
        for block in blocks.clone() {
            absorb(&mut state, block);
            KeccakF.permute_mut(&mut state);
        }
        absorb(&mut state, rest);
        finish(&mut state, rest.len(), digests);
    });
}

/// The Montgomery form.
fn raw(word: Word) -> u32 {
    // SAFETY: a Word is a transparent u32.
    unsafe { core::mem::transmute::<Word, u32>(word) }
}

/// Hashes pairs of neighbours: `out[i]` is the parent of `pairs[2 i]` and `pairs[2 i + 1]`.
/// `out.len()` has to be a multiple of [`ROWS`].
pub fn hash_pairs(out: &mut [Digest], pairs: &[Digest]) {
    assert_eq!(pairs.len(), 2 * out.len());
    out.par_chunks_exact_mut(ROWS).zip(pairs.par_chunks_exact(2 * ROWS)).for_each(|(digests, pairs)| {
        let mut state = [[0; ROWS]; 25];
        for (row, pair) in pairs.chunks_exact(2).enumerate() {
            let words = pair.iter().flat_map(Digest::as_words);
            words.enumerate().for_each(|(i, &word)| xor(&mut state, row, i, word));
        }
        finish(&mut state, 2 * DIGEST_WORDS, digests);
    });
}
