//! RISC Zero's Poseidon2 on packed elements: one permutation hashes as many rows as there are lanes.
//!
//! The rounds are Plonky3's, the constants and the internal diagonal are RISC Zero's.

use std::sync::LazyLock;

use p3_baby_bear::BabyBear;
use p3_field::{PackedValue, PrimeCharacteristicRing};
use p3_poseidon2::{
    add_rc_and_sbox_generic, external_initial_permute_state, external_terminal_permute_state,
    internal_permute_state, matmul_internal, HLMDSMat4,
};
use rayon::prelude::*;
use risc0_zkp::core::{
    digest::{Digest, DIGEST_WORDS},
    hash::poseidon2::{CELLS, CELLS_RATE, M_INT_DIAG_HZN, ROUNDS_HALF_FULL, ROUNDS_PARTIAL, ROUND_CONSTANTS},
};

use crate::lanes::{load, words, Lanes, Word, WIDTH};

type State = [Lanes; CELLS];

/// Degree of the S-box.
const D: u64 = 7;

struct Rounds {
    initial: Vec<[Word; CELLS]>,
    partial: Vec<Word>,
    terminal: Vec<[Word; CELLS]>,
}

static ROUNDS: LazyLock<Rounds> = LazyLock::new(|| {
    let rounds: Vec<[Word; CELLS]> =
        words(ROUND_CONSTANTS).chunks_exact(CELLS).map(|c| c.try_into().expect("CELLS")).collect();
    let (initial, rest) = rounds.split_at(ROUNDS_HALF_FULL);
    let (partial, terminal) = rest.split_at(ROUNDS_PARTIAL);
    Rounds {
        initial: initial.to_vec(),
        partial: partial.iter().map(|round| round[0]).collect(),
        terminal: terminal.to_vec(),
    }
});

static DIAGONAL: LazyLock<[Word; CELLS]> = LazyLock::new(|| words(M_INT_DIAG_HZN).try_into().expect("CELLS"));

fn permute(state: &mut State) {
    let rounds = &*ROUNDS;
    let sbox = add_rc_and_sbox_generic::<BabyBear, Lanes, D>;
    external_initial_permute_state(state, &rounds.initial, sbox, &HLMDSMat4);
    internal_permute_state::<BabyBear, Lanes, CELLS, D>(
        state,
        |s| matmul_internal(s, *DIAGONAL),
        &rounds.partial,
    );
    external_terminal_permute_state(state, &rounds.terminal, sbox, &HLMDSMat4);
}

fn write(state: &State, digests: &mut [Digest]) {
    for (lane, digest) in digests.iter_mut().enumerate() {
        let lanes: [Word; DIGEST_WORDS] = core::array::from_fn(|i| state[i].as_slice()[lane]);
        // SAFETY: a Word is a transparent u32; a digest holds the Montgomery words as they are.
        *digest =
            Digest::from(unsafe { core::mem::transmute::<[Word; DIGEST_WORDS], [u32; DIGEST_WORDS]>(lanes) });
    }
}

/// Hashes each row of a matrix that is stored by columns. The number of rows, `out.len()`, has to be a
/// multiple of [`WIDTH`].
pub fn hash_rows(out: &mut [Digest], matrix: &[Word]) {
    let rows = out.len();
    let columns: Vec<&[Word]> = matrix.chunks_exact(rows).collect();
    out.par_chunks_exact_mut(WIDTH).enumerate().for_each(|(block, digests)| {
        let mut state = [Lanes::ZERO; CELLS];
        for chunk in columns.chunks(CELLS_RATE) {
            for (cell, column) in state.iter_mut().zip(chunk) {
                *cell = load(column, block * WIDTH);
            }
            // RISC Zero overwrites the whole rate: what the last columns do not fill is zero.
            state[chunk.len()..CELLS_RATE].fill(Lanes::ZERO);
            permute(&mut state);
        }
        if columns.is_empty() {
            permute(&mut state);
        }
        write(&state, digests);
    });
}

/// Hashes pairs of neighbours: `out[i]` is the parent of `pairs[2 i]` and `pairs[2 i + 1]`.
/// `out.len()` has to be a multiple of [`WIDTH`].
pub fn hash_pairs(out: &mut [Digest], pairs: &[Digest]) {
    assert_eq!(pairs.len(), 2 * out.len());
    out.par_chunks_exact_mut(WIDTH).zip(pairs.par_chunks_exact(2 * WIDTH)).for_each(|(digests, pairs)| {
        // SAFETY: digests are eight words each, without padding; they are canonical, as this suite made them.
        let cells: &[Word] =
            unsafe { core::slice::from_raw_parts(pairs.as_ptr().cast(), pairs.len() * DIGEST_WORDS) };
        let mut state = [Lanes::ZERO; CELLS];
        for (i, cell) in state.iter_mut().take(CELLS_RATE).enumerate() {
            *cell = Lanes::from_fn(|lane| cells[lane * CELLS_RATE + i]);
        }
        permute(&mut state);
        write(&state, digests);
    });
}

#[cfg(test)]
mod tests {
    use risc0_zkp::core::hash::poseidon2::Poseidon2HashSuite;

    use super::*;
    use crate::random;

    #[test]
    fn rows_hash_as_in_risc_zero() {
        let suite = Poseidon2HashSuite::new_suite();
        for columns in [0, 1, 15, 16, 17, 40] {
            let rows = 2 * WIDTH;
            let matrix = random::elems(columns as u64, rows * columns);
            let mut digests = vec![Digest::default(); rows];
            hash_rows(&mut digests, words(&matrix));
            for (row, digest) in digests.iter().enumerate() {
                let cells: Vec<_> = (0..columns).map(|column| matrix[column * rows + row]).collect();
                assert_eq!(*digest, *suite.hashfn.hash_elem_slice(&cells), "{columns} columns, row {row}");
            }
        }
    }

    #[test]
    fn pairs_hash_as_in_risc_zero() {
        let suite = Poseidon2HashSuite::new_suite();
        let leaves: Vec<Digest> = (0..4 * WIDTH as u64)
            .map(|seed| *suite.hashfn.hash_elem_slice(&random::elems(seed, 3)))
            .collect();
        let mut parents = vec![Digest::default(); 2 * WIDTH];
        hash_pairs(&mut parents, &leaves);
        for (parent, pair) in parents.iter().zip(leaves.chunks(2)) {
            assert_eq!(*parent, *suite.hashfn.hash_pair(&pair[0], &pair[1]));
        }
    }
}
