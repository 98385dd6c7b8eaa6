//! Programs as the accelerator evaluates them, with exact coefficients instead of a random point.

use super::*;
use crate::engine::{Coding, Direct, Engine, Matrix, Recorder, Row};
use crate::tensor::DType;
use alloc::collections::BTreeMap;

/// A polynomial with exact coefficients.
type Poly = BTreeMap<usize, i128>;

/// Runs a program on memory given by register, and returns the total that it insists on being zero.
fn total_of(words: &[u32], memory: impl Fn(u32, usize) -> Chunk) -> Poly {
    let (mut poly, mut term, mut total) = (Poly::new(), Poly::from([(0, 1)]), None);
    let mut sum = Poly::new();
    for &word in words {
        let (step, factor) = (word >> 24 & 15, i128::from(word >> 21 & 7) - 4);
        assert_eq!(word >> 28, 0, "reads only");
        let chunk = memory(word >> 16 & 31, (word & 0xffff) as usize);
        let bytes: Vec<i128> = chunk.iter().flat_map(|w| w.to_le_bytes()).map(i128::from).collect();
        let add = |poly: &mut Poly, scale: i128, less: i128| {
            for (i, b) in bytes.iter().enumerate() {
                *poly.entry(i).or_default() += (b - less) * scale;
            }
        };
        match step {
            0 => return total.expect("the program checks its total before it ends"),
            1 => {
                add(&mut poly, 1, 0);
                poly = poly.into_iter().map(|(i, c)| (i + CHUNK, c)).collect();
            }
            2 => {
                add(&mut poly, 1, 0);
                term = core::mem::take(&mut poly);
            }
            3 => {
                add(&mut poly, 1, 0);
                for (i, a) in &term {
                    for (j, b) in &poly {
                        *sum.entry(i + j).or_default() += factor * a * b;
                    }
                }
                (poly, term) = (Poly::new(), Poly::from([(0, 1)]));
            }
            4 => add(&mut poly, 1 << 14, 128),
            5 => add(&mut poly, 1 << 8, 0),
            6 => {
                add(&mut poly, 1, 0);
                assert!(poly.values().all(|&c| c == 0), "a carry is let through");
                total = Some(core::mem::take(&mut sum));
            }
            _ => panic!("unknown step"),
        }
    }
    panic!("the program does not end");
}

fn check(depth: usize, columns: usize, seed: u64, tamper: Option<(usize, u32)>) -> bool {
    let mut state = seed;
    let mut byte = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        // Extremes are as common as all others together.
        [0, 255, (state >> 40) as u8, (state >> 48) as u8][(state >> 60) as usize & 3]
    };
    let row: Vec<u8> = (0..depth).map(|_| byte()).collect();
    let weights: Vec<u8> = (0..depth * columns).map(|_| byte()).collect();
    let matrix = Matrix::new(&weights, Coding::of(DType::U8, 0), (depth, columns), &mut Direct).unwrap();
    let mut recorder = Recorder::default();
    let mut sums = alloc::vec![7; matrix.lanes()];
    let bytes = Row::Bytes { bytes: &row, flip: 0, zero: 0 };
    let total = recorder.multiply(bytes, &matrix, &mut sums);
    assert_eq!(total, row.iter().map(|&x| u32::from(x)).sum());
    for (j, &sum) in sums[..columns].iter().enumerate() {
        assert_eq!(sum, (0..depth).map(|i| u32::from(row[i]) * u32::from(weights[i * columns + j])).sum());
    }
    if let Some((word, bits)) = tamper {
        let words = recorder.claims.len();
        recorder.claims[word % words] ^= bits;
    }
    let width = matrix.width();
    let program = Program::new(depth, width);
    assert!(program.fits(depth, width));
    let planes: Vec<Chunk> = recorder.claims.chunks(4).map(|c| [c[0], c[1], c[2], c[3]]).collect();
    let each = program.planes() * width;
    assert_eq!(planes.len(), each * blocks(depth, width).count());
    blocks(depth, width).enumerate().all(|(i, block)| {
        let (words, skipped) = program.block(block.len(), i == 0);
        let total = total_of(words, |base, offset| match base {
            11 => [u32::from(row[block.start + offset - skipped]), 0, 0, 0],
            12 => matrix.chunks()[block.start * width + offset - skipped * width],
            13 => planes[(i - 1) * each..][..each][offset],
            14 => planes[i * each..][..each][offset],
            15 => CONSTANTS[offset],
            _ => panic!("no such base"),
        });
        total.values().all(|&c| c == 0)
    })
}

const SHAPES: [(usize, usize); 7] =
    [(64, 32), (9, 64), (784, 128), (257, 16), (258, 20), (1200, 7), (341, 33)];

#[test]
fn programs_accept_true_sums() {
    for (i, (depth, columns)) in SHAPES.into_iter().enumerate() {
        assert!(check(depth, columns, i as u64, None), "{depth} x {columns}");
    }
}

#[test]
fn programs_refuse_every_tampered_claim() {
    for (i, (depth, columns)) in SHAPES.into_iter().enumerate() {
        for k in 0..40 {
            let (word, bit) = (k * 7919 + i, 1u32 << (k * 11 % 32));
            assert!(!check(depth, columns, k as u64, Some((word, bit))), "{depth} x {columns}, word {word}");
        }
    }
}

#[test]
fn blocks_cover_every_row_once() {
    for depth in 1..=600 {
        for width in [1, 2, 3, 8, 100, 2000] {
            let mut next = 0;
            for block in blocks(depth, width) {
                assert_eq!(block.start, next);
                assert!(!block.is_empty());
                next = block.end;
            }
            assert_eq!(next, depth);
        }
    }
}
