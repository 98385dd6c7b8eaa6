//! The prover's number-theoretic transforms, with RISC Zero's roots of unity and its order of the values.

use p3_field::{PackedFieldPow2, PackedValue, PrimeCharacteristicRing};
use risc0_core::field::{baby_bear::BabyBearElem, RootsOfUnity};

use crate::lanes::{load, store, word, Lanes, Word, WIDTH};

const WIDTH_PO2: usize = WIDTH.trailing_zeros() as usize;
/// A square of elements: as many packed elements as one of them has lanes.
const TILE: usize = WIDTH * WIDTH;
/// Transforms up to this size, as a power of two, stay in the first-level cache.
const CACHED_PO2: usize = 12;

/// The factors of the butterflies: for each level, the powers of that level's root of unity.
pub struct Twiddles {
    levels: Vec<Vec<Word>>,
}

impl Twiddles {
    pub fn forward(po2: usize) -> Self {
        Self::new(po2, BabyBearElem::ROU_FWD)
    }

    pub fn reverse(po2: usize) -> Self {
        Self::new(po2, BabyBearElem::ROU_REV)
    }

    fn new(po2: usize, roots: &[BabyBearElem]) -> Self {
        let powers = |level: usize| word(roots[level]).powers().collect_n(1 << level >> 1);
        Self { levels: (0..=po2).map(powers).collect() }
    }
}

/// Smallest transform, as a power of two, that this module handles.
pub const MIN_PO2: usize = 2 * WIDTH_PO2;

/// From coefficients in bit-reversed order to values. The first `expand_bits` levels are left out: their
/// inputs are all equal.
pub fn evaluate(io: &mut [Word], expand_bits: usize, twiddles: &Twiddles) {
    let po2 = io.len().trailing_zeros() as usize;
    if po2 > CACHED_PO2 {
        let (low, high) = io.split_at_mut(io.len() / 2);
        evaluate(low, expand_bits, twiddles);
        evaluate(high, expand_bits, twiddles);
        if po2 > expand_bits {
            combine(low, high, &twiddles.levels[po2]);
        }
        return;
    }
    if expand_bits < WIDTH_PO2 {
        for tile in io.chunks_exact_mut(TILE) {
            on_transposed(tile, |columns| {
                for level in expand_bits + 1..=WIDTH_PO2 {
                    for block in columns.chunks_exact_mut(1 << level) {
                        let (low, high) = block.split_at_mut(1 << level >> 1);
                        for ((a, b), &factor) in low.iter_mut().zip(high).zip(&twiddles.levels[level]) {
                            let product = *b * factor;
                            (*a, *b) = (*a + product, *a - product);
                        }
                    }
                }
            });
        }
    }
    for level in WIDTH_PO2.max(expand_bits) + 1..=po2 {
        for block in io.chunks_exact_mut(1 << level) {
            let (low, high) = block.split_at_mut(1 << level >> 1);
            combine(low, high, &twiddles.levels[level]);
        }
    }
}

/// From values to coefficients in bit-reversed order, times their number.
pub fn interpolate(io: &mut [Word], twiddles: &Twiddles) {
    let po2 = io.len().trailing_zeros() as usize;
    if po2 > CACHED_PO2 {
        let (low, high) = io.split_at_mut(io.len() / 2);
        separate(low, high, &twiddles.levels[po2]);
        interpolate(low, twiddles);
        interpolate(high, twiddles);
        return;
    }
    for level in (WIDTH_PO2 + 1..=po2).rev() {
        for block in io.chunks_exact_mut(1 << level) {
            let (low, high) = block.split_at_mut(1 << level >> 1);
            separate(low, high, &twiddles.levels[level]);
        }
    }
    for tile in io.chunks_exact_mut(TILE) {
        on_transposed(tile, |columns| {
            for level in (1..=WIDTH_PO2).rev() {
                for block in columns.chunks_exact_mut(1 << level) {
                    let (low, high) = block.split_at_mut(1 << level >> 1);
                    for ((a, b), &factor) in low.iter_mut().zip(high).zip(&twiddles.levels[level]) {
                        (*a, *b) = (*a + *b, (*a - *b) * factor);
                    }
                }
            }
        });
    }
}

fn combine(low: &mut [Word], high: &mut [Word], factors: &[Word]) {
    for at in (0..low.len()).step_by(WIDTH) {
        let (a, b) = (load(low, at), load(high, at) * load(factors, at));
        store(low, at, a + b);
        store(high, at, a - b);
    }
}

fn separate(low: &mut [Word], high: &mut [Word], factors: &[Word]) {
    for at in (0..low.len()).step_by(WIDTH) {
        let (a, b) = (load(low, at), load(high, at));
        store(low, at, a + b);
        store(high, at, (a - b) * load(factors, at));
    }
}

/// Butterflies within a packed element are ones between packed elements of the transposed tile.
#[inline(always)]
fn on_transposed(tile: &mut [Word], butterflies: impl Fn(&mut [Lanes; WIDTH])) {
    let mut rows: [Lanes; WIDTH] = core::array::from_fn(|row| load(tile, row * WIDTH));
    transpose(&mut rows);
    butterflies(&mut rows);
    transpose(&mut rows);
    for (row, lanes) in rows.iter().enumerate() {
        tile[row * WIDTH..][..WIDTH].copy_from_slice(lanes.as_slice());
    }
}

#[inline(always)]
fn transpose(rows: &mut [Lanes; WIDTH]) {
    for bit in 0..WIDTH_PO2 {
        let block = 1 << bit;
        for row in (0..WIDTH).filter(|row| row & block == 0) {
            (rows[row], rows[row + block]) = rows[row].interleave(rows[row + block], block);
        }
    }
}

#[cfg(test)]
mod tests {
    use risc0_zkp::core::ntt::{evaluate_ntt, interpolate_ntt};

    use super::*;
    use crate::{
        lanes::{words, words_mut},
        random::elems,
    };

    #[test]
    fn transforms_are_those_of_risc_zero() {
        for po2 in [MIN_PO2.max(5), 9, CACHED_PO2, CACHED_PO2 + 2] {
            let input = elems(po2 as u64, 1 << po2);
            for expand_bits in 0..4 {
                // The stock transform reads one of the equal inputs only; both get equal ones.
                let mut stock: Vec<_> = (0..1 << po2).map(|i| input[i >> expand_bits]).collect();
                let mut packed = stock.clone();
                evaluate_ntt::<BabyBearElem, BabyBearElem>(&mut stock, expand_bits);
                evaluate(words_mut(&mut packed), expand_bits, &Twiddles::forward(po2));
                assert_eq!(stock, packed, "2^{po2} values, {expand_bits} bits");
            }
            let (mut stock, mut packed) = (input.clone(), input);
            interpolate_ntt::<BabyBearElem, BabyBearElem>(&mut stock);
            interpolate(words_mut(&mut packed), &Twiddles::reverse(po2));
            let count = word(BabyBearElem::new(1 << po2));
            let stock: Vec<_> = words(&stock).iter().map(|&value| value * count).collect();
            assert_eq!(stock, words(&packed), "2^{po2} values");
        }
    }
}
