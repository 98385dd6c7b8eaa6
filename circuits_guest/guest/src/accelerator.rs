//! Products of bytes, claimed by the host and checked by the big-integer accelerator.
//!
//! Why a checked claim is the product: `p2pnode_onnx::accelerator`.

use alloc::{vec, vec::Vec};
use core::arch::asm;

use p2pnode_onnx::accelerator::{blocks, top_plane_fits, Program, CONSTANTS};
use p2pnode_onnx::engine::{Chunk, Engine, Matrix, Row, CHUNK};
use risc0_zkvm::guest::env;
use risc0_zkvm_platform::syscall::ecall;

static CONSTANT_CHUNKS: [Chunk; 4] = CONSTANTS;

/// What checking products needs again and again.
#[derive(Default)]
pub struct Accelerator {
    programs: Vec<Program>,
    claims: Vec<Chunk>,
    slots: Vec<Chunk>,
}

impl Accelerator {
    /// Takes the claims of all products of a run from `given`; where that is empty, each product's are read
    /// from the host when it is multiplied.
    pub fn with_claims<'a>(&'a mut self, given: &'a [u32]) -> Checked<'a> {
        Checked { accelerator: self, given: (!given.is_empty()).then(|| given.as_chunks().0) }
    }
}

/// Checks products. A product's claims are, for each block of rows, the planes of the sums so far.
pub struct Checked<'a> {
    accelerator: &'a mut Accelerator,
    given: Option<&'a [Chunk]>,
}

impl Engine for Checked<'_> {
    fn multiply(&mut self, row: Row<'_>, matrix: &Matrix<'_>, sums: &mut [u32]) -> u32 {
        let (depth, width) = (matrix.depth(), matrix.width());
        assert!(row.len() == depth && sums.len() == matrix.lanes());
        let Accelerator { programs, claims, slots } = &mut *self.accelerator;
        let found = programs.iter().position(|p| p.fits(depth, width));
        let found = found.unwrap_or_else(|| {
            programs.push(Program::new(depth, width));
            programs.len() - 1
        });
        let program = &programs[found];
        let each = program.planes() * width;
        let count = blocks(depth, width).count();
        let claims: &[Chunk] = match &mut self.given {
            Some(given) => {
                let (own, others) = given.split_at(count * each);
                *given = others;
                own
            }
            None => {
                let claims = at_least(claims, count * each);
                env::read_slice(claims.as_flattened_mut());
                claims
            }
        };

        let (mut total, mut before) = (0, 0);
        for (i, block) in blocks(depth, width).enumerate() {
            let slots = at_least(slots, block.len());
            total += fill(slots, row.part(block.clone()));
            let after = i * each;
            let (steps, skipped) = program.block(block.len(), i == 0);
            // SAFETY: the program reads, from these addresses on: a slot for each row of the block, `width`
            // chunks of the matrix for each, `each` chunks of the claims before and after, the constants; both
            // first addresses are moved down by what the first block skips of the program. It writes nothing.
            unsafe {
                check(
                    (program.touch(i == 0), steps),
                    slots.as_ptr().wrapping_sub(skipped),
                    matrix.chunks().as_ptr().wrapping_add(block.start * width).wrapping_sub(skipped * width),
                    claims.as_ptr().add(before),
                    claims.as_ptr().add(after),
                );
            }
            before = after;
        }
        unite(&claims[before..before + each], program.planes(), sums);
        total
    }
}

fn at_least(chunks: &mut Vec<Chunk>, len: usize) -> &mut [Chunk] {
    if chunks.len() < len {
        *chunks = vec![Chunk::default(); len]; // memory that nothing touched is zero: unlike resize, this writes none
    }
    &mut chunks[..len]
}

/// Puts each byte into the low byte of a chunk whose others stay zero. Returns their sum.
fn fill(slots: &mut [Chunk], row: Row<'_>) -> u32 {
    match row {
        Row::Bytes { bytes, flip: 0, .. } => spread(slots, bytes, |&x| u32::from(x)),
        Row::Bytes { bytes, flip, .. } => spread(slots, bytes, |&x| u32::from(x ^ flip)),
        Row::Words { words, zero } => spread(slots, words, |&x| (x + zero) as u32),
    }
}

fn spread<T>(slots: &mut [Chunk], row: &[T], byte: impl Fn(&T) -> u32) -> u32 {
    let mut total = 0;
    // Eight at a time: what a turn of the loop costs beside its loads and stores is half as much as for four.
    let ((eights, rest), (slots_of_eight, last)) = (row.as_chunks::<8>(), slots.as_chunks_mut::<8>());
    for (eight, to) in eights.iter().zip(slots_of_eight) {
        for (x, slot) in eight.iter().zip(to) {
            slot[0] = byte(x);
            total += slot[0];
        }
    }
    for (x, slot) in rest.iter().zip(last) {
        slot[0] = byte(x);
        total += slot[0];
    }
    total
}

/// The sums whose bytes lie in planes, four at a time: their words are a square of bytes that is turned.
fn unite(planes: &[Chunk], count: usize, sums: &mut [u32]) {
    let planes = planes.as_flattened();
    let len = planes.len() / count;
    let plane = |i: usize| &planes[i * len..(i + 1) * len];
    let (low, fours) = (plane(0).iter().zip(plane(1)).zip(plane(2)), sums.as_chunks_mut::<4>().0);
    if count == 4 {
        for (to, (((&a, &b), &c), &d)) in fours.iter_mut().zip(low.zip(plane(3))) {
            assert!(top_plane_fits(d), "a claimed sum is out of range");
            *to = turned(a, b, c, d);
        }
    } else {
        fours.iter_mut().zip(low).for_each(|(to, ((&a, &b), &c))| *to = turned(a, b, c, 0));
    }
}

/// Number `i` has the `i`-th byte of each word, `a`'s lowest.
#[inline(always)]
fn turned(a: u32, b: u32, c: u32, d: u32) -> [u32; 4] {
    const EVEN: u32 = 0x00ff_00ff;
    let even = |low: u32, high: u32| low & EVEN | (high & EVEN) << 8;
    let odd = |low: u32, high: u32| low >> 8 & EVEN | high & !EVEN;
    let (ab, cd, ab_odd, cd_odd) = (even(a, b), even(c, d), odd(a, b), odd(c, d));
    let low = |x: u32, y: u32| x & 0xffff | y << 16;
    let high = |x: u32, y: u32| x >> 16 | y & 0xffff_0000;
    [low(ab, cd), low(ab_odd, cd_odd), high(ab, cd), high(ab_odd, cd_odd)]
}

/// Runs a program; without a proof's check there is no run.
///
/// # Safety
/// What the program reads is there, and it writes nothing.
unsafe fn check(
    (touch, steps): (&[u32], &[u32]),
    row: *const Chunk,
    matrix: *const Chunk,
    before: *const Chunk,
    after: *const Chunk,
) {
    let sizes = [touch.len() as u32, steps.len() as u32, 0];
    asm!(
        "ecall",
        in("t0") ecall::BIGINT2,
        in("t1") touch.as_ptr(),
        in("t2") steps.as_ptr(),
        in("t3") CONSTANT_CHUNKS.as_ptr(),
        in("a0") sizes.as_ptr(),
        in("a1") row,
        in("a2") matrix,
        in("a3") before,
        in("a4") after,
        in("a5") CONSTANT_CHUNKS.as_ptr(),
    );
}
const _: () = assert!(CHUNK == core::mem::size_of::<Chunk>());
