//! Evaluates a circuit's constraints on the whole domain: the prover's check polynomial.

use p3_field::{Algebra, PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use risc0_core::field::{
    baby_bear::{BabyBearElem, BabyBearExtElem},
    Elem, RootsOfUnity,
};
use risc0_zkp::{adapter::PolyExtStepDef, core::log2_ceil, hal::cpu::CpuBuffer, taps::TapSet, INV_RATE};

use crate::{
    lanes::{load, store, word, words, words_mut, Lanes, Word, EXT, WIDTH},
    poly::{mul_ext, SyncPtr},
    program::{lower, ExtRegs, Op, Program, MAX_TERMS},
};

/// Packed elements in a register: enough rows for the time of an operation to outweigh that of choosing it,
/// few enough for the registers to fit the second-level cache.
const DEPTH: usize = 4;
/// Rows that a register holds.
const BLOCK: usize = DEPTH * WIDTH;

type Register = [Lanes; DEPTH];

/// Fills `check`, which is stored as the four coefficients' columns, with the mixed constraints of each row,
/// divided by the polynomial that vanishes on the trace.
///
/// * `def`, `taps`: the circuit. `groups`: its registers' columns, in the order of the taps, on the domain or on
///   a larger one that a suite with a lower rate commits to: then every so many rows are those of the domain.
/// * `globals`: in the verifier's order, the public outputs and the challenges of the accumulators.
/// * `po2`: rows of the trace, as a power of two; the domain is [`INV_RATE`] times as large.
pub fn eval_check(
    def: &PolyExtStepDef,
    taps: &TapSet,
    check: &CpuBuffer<BabyBearElem>,
    groups: &[&CpuBuffer<BabyBearElem>],
    globals: &[&CpuBuffer<BabyBearElem>],
    poly_mix: BabyBearExtElem,
    po2: usize,
) {
    let groups: Vec<_> = groups.iter().map(|group| group.as_slice()).collect();
    let groups: Vec<&[Word]> = groups.iter().map(|group| words(group)).collect();
    let globals: Vec<_> = globals.iter().map(|global| global.as_slice()).collect();
    let globals: Vec<&[Word]> = globals.iter().map(|global| words(global)).collect();
    let program = lower(def, &globals, poly_mix);
    evaluate(&program, taps, &groups, po2, words_mut(&mut check.as_slice_mut()));
}

fn evaluate(program: &Program, taps: &TapSet, groups: &[&[Word]], po2: usize, check: &mut [Word]) {
    let domain = INV_RATE << po2;
    assert!(domain.is_multiple_of(BLOCK), "a trace of 2^{po2} rows is too small");
    let committed = groups[0].len() / taps.group_size(0);
    let columns: Vec<Column> = taps
        .taps()
        .map(|tap| Column {
            words: &groups[tap.group()][tap.offset() * committed..][..committed],
            stride: committed / domain,
            back: INV_RATE * tap.back(),
        })
        .collect();
    let divisors = vanishing_inverses(po2);
    let check = SyncPtr::new(check);
    (0..domain / BLOCK).into_par_iter().for_each_init(
        || vec![[Lanes::ZERO; DEPTH]; program.registers],
        |registers, block| {
            let row = block * BLOCK;
            run(program, &columns, registers, row);
            for (i, reg) in program.result.iter().enumerate() {
                for (at, total) in registers[*reg as usize].iter().enumerate() {
                    let row = row + at * WIDTH;
                    // SAFETY: each block has rows of its own.
                    let out = unsafe { check.slice(i * domain + row, WIDTH) };
                    store(out, 0, *total * Lanes::from_fn(|lane| divisors[(row + lane) % INV_RATE]));
                }
            }
        },
    );
}

/// One over `(3 x)^(2^po2) - 1` on the domain, where `x` runs through the powers of a root of unity of order
/// `INV_RATE << po2`: it only takes `INV_RATE` values, in turns. The prover shifts the trace's polynomials by
/// 3, so that it vanishes nowhere.
fn vanishing_inverses(po2: usize) -> [Word; INV_RATE] {
    let root = BabyBearElem::ROU_FWD[po2 + log2_ceil(INV_RATE)];
    core::array::from_fn(|row| {
        let y = (BabyBearElem::new(3) * root.pow(row)).pow(1 << po2);
        word((y - BabyBearElem::ONE).inv())
    })
}

struct Column<'a> {
    words: &'a [Word],
    /// From a row of the domain to the next
    stride: usize,
    /// How many rows of the domain before the evaluated one it is read
    back: usize,
}

impl Column<'_> {
    #[inline(always)]
    fn read(&self, row: usize) -> Register {
        if row >= self.back && self.stride == 1 {
            return core::array::from_fn(|i| load(self.words, row - self.back + i * WIDTH));
        }
        let rows = self.words.len();
        core::array::from_fn(|i| {
            Lanes::from_fn(|lane| {
                self.words[(rows + (row + i * WIDTH + lane) * self.stride - self.back * self.stride) % rows]
            })
        })
    }
}

fn run(program: &Program, columns: &[Column], registers: &mut [Register], row: usize) {
    for op in &program.ops {
        match *op {
            Op::Get { dst, tap } => registers[dst as usize] = columns[tap as usize].read(row),
            Op::Set { dst, known } => registers[dst as usize] = [Lanes::from(known); DEPTH],
            Op::Add { dst, a, b } => {
                let (a, b) = (&registers[a as usize], &registers[b as usize]);
                registers[dst as usize] = core::array::from_fn(|i| a[i] + b[i]);
            }
            Op::Sub { dst, a, b } => {
                let (a, b) = (&registers[a as usize], &registers[b as usize]);
                registers[dst as usize] = core::array::from_fn(|i| a[i] - b[i]);
            }
            Op::Mul { dst, a, b } => {
                let (a, b) = (&registers[a as usize], &registers[b as usize]);
                registers[dst as usize] = core::array::from_fn(|i| a[i] * b[i]);
            }
            Op::AddKnown { dst, a, known } => {
                let a = &registers[a as usize];
                registers[dst as usize] = core::array::from_fn(|i| a[i] + known);
            }
            Op::SubFromKnown { dst, a, known } => {
                let a = &registers[a as usize];
                registers[dst as usize] = core::array::from_fn(|i| Lanes::from(known) - a[i]);
            }
            Op::MulKnown { dst, a, known } => {
                let a = &registers[a as usize];
                registers[dst as usize] = core::array::from_fn(|i| a[i] * known);
            }
            Op::MulExt { dst, a, b } => mul_registers(registers, dst, a, b),
            Op::Fold { dst, base, first, len } => {
                let range = first as usize..(first + len) as usize;
                let terms = &program.terms[range.clone()];
                let factors = program.factors.each_ref().map(|factors| &factors[range.clone()]);
                fold(registers, dst, base, terms, factors);
            }
        }
    }
}

fn mul_registers(registers: &mut [Register], dst: ExtRegs, a: ExtRegs, b: ExtRegs) {
    (0..DEPTH).for_each(|i| {
        let [a, b] = [a, b].map(|regs| regs.map(|reg| registers[reg as usize][i]));
        for (dst, product) in dst.into_iter().zip(mul_ext(a, b)) {
            registers[dst as usize][i] = product;
        }
    });
}

#[inline(always)]
fn fold(
    registers: &mut [Register],
    dst: ExtRegs,
    base: Option<ExtRegs>,
    terms: &[u32],
    factors: [&[Word]; EXT],
) {
    (0..DEPTH).for_each(|i| {
        let mut values = [Lanes::ZERO; MAX_TERMS];
        for (value, reg) in values.iter_mut().zip(terms) {
            *value = registers[*reg as usize][i];
        }
        for c in 0..EXT {
            let mut sum = Lanes::batched_linear_combination(&values[..terms.len()], factors[c]);
            if let Some(base) = base {
                sum += registers[base[c] as usize][i];
            }
            registers[dst[c] as usize][i] = sum;
        }
    });
}

#[cfg(test)]
mod tests {
    use risc0_core::field::baby_bear::BabyBear;
    use risc0_zkp::{adapter::PolyExtStep as S, taps::TapData};

    use super::*;
    use crate::{
        lanes::elem,
        random::{elems, ext_elems},
    };

    const TAPS: TapSet = TapSet {
        taps: &[
            TapData { offset: 0, back: 0, group: 0, combo: 0, skip: 1 },
            TapData { offset: 0, back: 0, group: 1, combo: 1, skip: 2 },
            TapData { offset: 0, back: 3, group: 1, combo: 1, skip: 2 },
            TapData { offset: 1, back: 0, group: 1, combo: 0, skip: 1 },
        ],
        combo_taps: &[0, 0, 3],
        combo_begin: &[0, 1, 3],
        group_begin: &[0, 1, 4],
        combos_count: 2,
        reg_count: 3,
        tot_combo_backs: 3,
        group_names: &["accum", "data"],
    };

    /// Every kind of step on every kind of value; chains that are shared, long, empty and nested.
    fn steps() -> PolyExtStepDef {
        let mut block = vec![
            S::Const(5),             // 0
            S::ConstExt(7, 0, 3, 1), // 1
            S::ConstExt(0, 1, 0, 0), // 2
            S::Get(0),               // 3
            S::Get(1),               // 4
            S::Get(2),               // 5
            S::Get(3),               // 6
            S::GetGlobal(0, 1),      // 7
            S::GetGlobal(1, 0),      // 8
            S::Add(3, 0),            // 9
            S::Sub(0, 4),            // 10
            S::Sub(5, 7),            // 11
            S::Mul(6, 8),            // 12
            S::Mul(3, 4),            // 13
            S::Add(4, 5),            // 14
            S::Sub(5, 6),            // 15
            S::Mul(3, 1),            // 16: four coefficients, one of them zero
            S::Mul(4, 2),            // 17: one coefficient, not the first
            S::Add(16, 17),          // 18: all four
            S::Mul(18, 18),          // 19
            S::Mul(18, 16),          // 20
            S::Sub(19, 20),          // 21
            S::Mul(13, 21),          // 22
            S::True,                 // m0
            S::AndEqz(0, 9),         // m1
            S::AndEqz(1, 22),        // m2
            S::AndEqz(1, 10),        // m3: shares m1
            S::AndCond(2, 14, 3),    // m4
            S::AndCond(4, 18, 2),    // m5: a condition in the extension
            S::AndCond(5, 15, 0),    // m6: nothing to check
            S::AndEqz(6, 0),         // m7: the same in every row
            S::AndCond(7, 7, 3),     // m8
        ];
        for i in 0..40 {
            block.push(S::AndEqz(8 + i, 9 + i % 14));
        }
        PolyExtStepDef { block: block.leak(), ret: 48 }
    }

    #[test]
    fn rows_are_those_of_the_verifiers_interpreter() {
        [1, 2, 4].into_iter().for_each(rows_are_those_of_the_verifiers_interpreter_at);
    }

    fn rows_are_those_of_the_verifiers_interpreter_at(stride: usize) {
        let (po2, def) = (8, steps());
        let domain = INV_RATE << po2;
        let groups = [elems(1, stride * domain), elems(2, 2 * stride * domain)];
        let globals = [elems(3, 2), elems(4, 1)];
        let mix = ext_elems(5, 1)[0];
        let mut check = vec![BabyBearElem::ZERO; EXT * domain];
        let program = lower(&def, &[words(&globals[0]), words(&globals[1])], mix);
        evaluate(&program, &TAPS, &[words(&groups[0]), words(&groups[1])], po2, words_mut(&mut check));
        let divisors = vanishing_inverses(po2).map(elem);
        for row in 0..domain {
            let at = |group: usize, column: usize, back: usize| {
                let row = (row + domain - INV_RATE * back) % domain;
                groups[group][(column * domain + row) * stride].into()
            };
            let values = [at(0, 0, 0), at(1, 0, 0), at(1, 0, 3), at(1, 1, 0)];
            let expected = def.step::<BabyBear>(&mix, &values, &[&globals[0], &globals[1]]).tot;
            let expected = expected * divisors[row % INV_RATE];
            let got = core::array::from_fn::<_, EXT, _>(|i| check[i * domain + row]);
            assert_eq!(got, expected.elems(), "row {row}");
        }
    }

    #[test]
    fn divisors_are_those_of_every_row() {
        let po2 = 6;
        let divisors = vanishing_inverses(po2);
        let root = BabyBearElem::ROU_FWD[po2 + 2];
        for row in 0..INV_RATE << po2 {
            let y = (BabyBearElem::new(3) * root.pow(row)).pow(1 << po2);
            assert_eq!(elem(divisors[row % INV_RATE]) * (y - BabyBearElem::ONE), BabyBearElem::ONE);
        }
    }
}
