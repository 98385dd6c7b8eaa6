//! Arithmetic in the extension field and on polynomials over it, packed.

use core::marker::PhantomData;

use p3_field::{Algebra, PackedValue, PrimeCharacteristicRing, PrimeField32};
use rayon::prelude::*;
use risc0_core::field::{baby_bear::BabyBearExtElem, Elem, ExtElem};

use crate::lanes::{coefficients, elem, load, Lanes, Word, EXT, WIDTH};

/// The extension field is `F[x] / (x^4 + 11)`: what `x^4` is.
pub const X4: Word = Word::new(Word::ORDER_U32 - 11);

pub type ExtLanes = [Lanes; EXT];

#[inline(always)]
pub fn mul_ext(a: ExtLanes, b: ExtLanes) -> ExtLanes {
    let [_, b1, b2, b3] = b.map(|coefficient| coefficient * X4);
    [
        Lanes::dot_product(&a, &[b[0], b3, b2, b1]),
        Lanes::dot_product(&a, &[b[1], b[0], b3, b2]),
        Lanes::dot_product(&a, &[b[2], b[1], b[0], b3]),
        Lanes::dot_product(&a, &[b[3], b[2], b[1], b[0]]),
    ]
}

/// The value at `x` of a polynomial over the base field, given its coefficients, lowest first.
pub fn evaluate(polynomial: &[Word], x: BabyBearExtElem) -> BabyBearExtElem {
    // Horner's rule in each lane for every WIDTH-th coefficient, then once more across the lanes.
    let step = broadcast(x.pow(WIDTH));
    let (blocks, rest) = polynomial.split_at(polynomial.len() / WIDTH * WIDTH);
    let mut sum: ExtLanes = [Lanes::ZERO; EXT];
    for block in blocks.chunks_exact(WIDTH).rev() {
        sum = mul_ext(sum, step);
        sum[0] += *Lanes::from_slice(block);
    }
    let lane = |lane: usize| BabyBearExtElem::from_subelems(sum.map(|lanes| elem(lanes.as_slice()[lane])));
    let across = |terms: &mut dyn DoubleEndedIterator<Item = BabyBearExtElem>| {
        terms.rfold(BabyBearExtElem::ZERO, |sum, term| sum * x + term)
    };
    across(&mut (0..WIDTH).map(lane))
        + across(&mut rest.iter().map(|&word| elem(word).into())) * x.pow(blocks.len())
}

pub fn broadcast(value: BabyBearExtElem) -> ExtLanes {
    core::array::from_fn(|i| Lanes::from(coefficients(&[value])[i]))
}

/// The rows of the matrix that multiplies an extension element, as a vector, by `value`.
pub fn matrix(value: BabyBearExtElem) -> [[Word; EXT]; EXT] {
    let v: [Word; EXT] = coefficients(&[value]).try_into().expect("four coefficients");
    core::array::from_fn(|row| {
        core::array::from_fn(|column| match row.checked_sub(column) {
            Some(i) => v[i],
            None => v[EXT + row - column] * X4,
        })
    })
}

/// Adds to each of `out`, extension elements, the sum of `factors[i] * columns[i]`.
pub fn add_mixed(out: &mut [Word], columns: &[&[Word]], factors: &[BabyBearExtElem]) {
    let factors: [Vec<Word>; EXT] =
        core::array::from_fn(|c| factors.iter().map(|factor| coefficients(&[*factor])[c]).collect());
    out.par_chunks_exact_mut(EXT * WIDTH).enumerate().for_each_init(
        || vec![Lanes::ZERO; columns.len()],
        |values, (block, out)| {
            for (value, column) in values.iter_mut().zip(columns) {
                *value = load(column, block * WIDTH);
            }
            for (c, factors) in factors.iter().enumerate() {
                let sum = Lanes::batched_linear_combination(values, factors);
                for (lane, &word) in sum.as_slice().iter().enumerate() {
                    out[EXT * lane + c] += word;
                }
            }
        },
    );
}

/// One folding step of FRI: `input` and `out` hold the coefficients of extension elements in four columns,
/// `fold` times as many in `input`; `order[i]` says where in a column the elements times `mix^i` begin, in
/// units of the length of `out`'s columns.
pub fn fri_fold(out: &mut [Word], input: &[Word], mix: BabyBearExtElem, order: &[usize]) {
    let count = out.len() / EXT;
    let mut factors: [Vec<Word>; EXT] = Default::default();
    let mut columns = Vec::new();
    let mut power = BabyBearExtElem::ONE;
    for at in order {
        for (factors, row) in factors.iter_mut().zip(matrix(power)) {
            factors.extend(row);
        }
        columns.extend((0..EXT).map(|c| &input[(c * order.len() + at) * count..][..count]));
        power *= mix;
    }
    let out = SyncPtr::new(out);
    (0..count / WIDTH).into_par_iter().for_each_init(
        || vec![Lanes::ZERO; columns.len()],
        |values, block| {
            for (value, column) in values.iter_mut().zip(&columns) {
                *value = load(column, block * WIDTH);
            }
            for (c, factors) in factors.iter().enumerate() {
                let sum = Lanes::batched_linear_combination(values, factors);
                // SAFETY: each block has rows of its own.
                unsafe { out.slice(c * count + block * WIDTH, WIDTH) }.copy_from_slice(sum.as_slice());
            }
        },
    );
}

/// The powers of 3 by which the prover shifts coefficients in bit-reversed order: `3^i` at the place of `i`.
pub fn shift_powers(po2: usize) -> Vec<Word> {
    let mut powers = vec![Word::ONE; 1 << po2];
    for bit in 0..po2 {
        let factor = Word::new(3).exp_u64(1 << (po2 - 1 - bit));
        let (done, next) = powers.split_at_mut(1 << bit);
        for (next, &done) in next.iter_mut().zip(done.iter()) {
            *next = done * factor;
        }
    }
    powers
}

/// Multiplies element by element.
pub fn scale(io: &mut [Word], factors: &[Word]) {
    let (io, io_rest) = Lanes::pack_slice_with_suffix_mut(io);
    let (factors, factors_rest) = Lanes::pack_slice_with_suffix(factors);
    io.iter_mut().zip(factors).for_each(|(a, b)| *a *= *b);
    io_rest.iter_mut().zip(factors_rest).for_each(|(a, b)| *a *= *b);
}

/// A slice that several threads write to, each its own part.
pub struct SyncPtr<'a, T> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: `slice` requires that no two threads hold overlapping parts.
unsafe impl<T: Send> Sync for SyncPtr<'_, T> {}

impl<'a, T> SyncPtr<'a, T> {
    pub fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// # Safety
    /// No other part that overlaps with this one may be alive.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn slice(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start + len <= self.len);
        core::slice::from_raw_parts_mut(self.start.add(start), len)
    }
}

#[cfg(test)]
mod tests {
    use risc0_zkp::core::poly::poly_eval;

    use super::*;
    use crate::{
        lanes::{word, words},
        random::{elems, ext_elems},
    };

    #[test]
    fn products_are_those_of_risc_zero() {
        let [a, b] = [ext_elems(1, 50), ext_elems(2, 50)];
        for (&a, &b) in a.iter().zip(&b) {
            let product = mul_ext(broadcast(a), broadcast(b)).map(|lanes| elem(lanes.as_slice()[0]));
            assert_eq!(BabyBearExtElem::from_subelems(product), a * b);
            for (row, expected) in matrix(a).iter().zip((a * b).elems()) {
                let sum = row.iter().zip(b.elems()).map(|(&factor, b)| factor * word(*b)).sum::<Word>();
                assert_eq!(elem(sum), *expected);
            }
        }
    }

    #[test]
    fn values_are_those_of_risc_zero() {
        for count in [1, WIDTH, 5 * WIDTH + 3] {
            let polynomial = elems(count as u64, count);
            let x = ext_elems(7, 1)[0];
            let lifted: Vec<BabyBearExtElem> = polynomial.iter().map(|&elem| elem.into()).collect();
            assert_eq!(evaluate(words(&polynomial), x), poly_eval(&lifted, x), "{count} coefficients");
        }
    }

    #[test]
    fn powers_of_three_are_in_bit_reversed_order() {
        let powers = shift_powers(6);
        for (at, &power) in powers.iter().enumerate() {
            assert_eq!(power, Word::new(3).exp_u64((at as u8).reverse_bits() as u64 >> 2));
        }
    }
}
