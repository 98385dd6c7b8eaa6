//! Lowers a circuit's constraint polynomial to straight-line code on registers of base field elements.
//!
//! RISC Zero ships the polynomial twice: as generated C++, which its prover compiles and runs a row at a
//! time, and as a list of steps, which its verifier interprets. This lowers the list. What is the same for
//! every row (constants, public inputs, powers of the mixing challenge) is computed once, here, and an
//! element of the extension field becomes four base elements, of which few are not known.

use p3_field::PrimeCharacteristicRing;
use risc0_core::field::{baby_bear::BabyBearExtElem, Elem, ExtElem};
use risc0_zkp::adapter::{PolyExtStep, PolyExtStepDef};

use crate::lanes::{coefficients, Word, EXT};

/// A register: an element for every row that is evaluated at once.
pub type Reg = u32;
pub type ExtRegs = [Reg; EXT];

pub enum Op {
    /// Column `tap` of the trace
    Get {
        dst: Reg,
        tap: u32,
    },
    Set {
        dst: Reg,
        known: Word,
    },
    Add {
        dst: Reg,
        a: Reg,
        b: Reg,
    },
    Sub {
        dst: Reg,
        a: Reg,
        b: Reg,
    },
    Mul {
        dst: Reg,
        a: Reg,
        b: Reg,
    },
    AddKnown {
        dst: Reg,
        a: Reg,
        known: Word,
    },
    /// `known - a`
    SubFromKnown {
        dst: Reg,
        a: Reg,
        known: Word,
    },
    MulKnown {
        dst: Reg,
        a: Reg,
        known: Word,
    },
    /// A product in the extension field
    MulExt {
        dst: ExtRegs,
        a: ExtRegs,
        b: ExtRegs,
    },
    /// `base + sum of terms[i] * coefficients[i]` in the extension field, for a range of the program's terms
    Fold {
        dst: ExtRegs,
        base: Option<ExtRegs>,
        first: u32,
        len: u32,
    },
}

/// Terms that one [`Op::Fold`] adds up at most: products are reduced once for several of them.
pub const MAX_TERMS: usize = 16;

pub struct Program {
    pub ops: Vec<Op>,
    /// The registers that the folds read
    pub terms: Vec<Reg>,
    /// What the folds multiply them by: for each coefficient of the extension, a list as long as `terms`
    pub factors: [Vec<Word>; EXT],
    pub result: ExtRegs,
    pub registers: usize,
}

#[derive(Clone, Copy)]
pub enum Scalar {
    Known(Word),
    Row(Reg),
}

/// A value of the step list; a base element has zeros after its first coefficient.
pub type Value = [Scalar; EXT];

pub const ZERO: Scalar = Scalar::Known(Word::ZERO);

/// The sum of what a chain of constraints came to so far, and the power of the challenge that comes next.
struct Chain {
    base: Option<ExtRegs>,
    pending: Vec<(Reg, BabyBearExtElem)>,
    power: usize,
    uses: usize,
}

pub struct Lowering<'a> {
    globals: &'a [&'a [Word]],
    powers: Vec<BabyBearExtElem>,
    pub ops: Vec<Op>,
    terms: Vec<Reg>,
    factors: [Vec<Word>; EXT],
    registers: Reg,
    pub values: Vec<Value>,
    chains: Vec<Chain>,
}

/// `globals` in the order of the verifier: the public outputs, then the challenges of the accumulators.
pub fn lower(def: &PolyExtStepDef, globals: &[&[Word]], mix: BabyBearExtElem) -> Program {
    let mut lowering = Lowering {
        globals,
        powers: vec![BabyBearExtElem::ONE, mix],
        ops: Vec::new(),
        terms: Vec::new(),
        factors: Default::default(),
        registers: 0,
        values: Vec::new(),
        chains: Vec::new(),
    };
    let mut uses = vec![0; def.block.len()];
    for step in def.block {
        match step {
            PolyExtStep::AndEqz(chain, _) => uses[*chain] += 1,
            PolyExtStep::AndCond(chain, _, inner) => {
                uses[*chain] += 1;
                uses[*inner] += 1;
            }
            _ => {}
        }
    }
    for step in def.block {
        lowering.step(step, &uses);
    }
    let result = lowering.total(def.ret);
    let result = result.unwrap_or_else(|| core::array::from_fn(|_| lowering.set(Word::ZERO)));
    crate::registers::allocate(Program {
        ops: lowering.ops,
        terms: lowering.terms,
        factors: lowering.factors,
        result,
        registers: lowering.registers as usize,
    })
}

impl Lowering<'_> {
    fn step(&mut self, step: &PolyExtStep, uses: &[usize]) {
        let value = match *step {
            PolyExtStep::Const(value) => base(Scalar::Known(Word::new(value))),
            PolyExtStep::ConstExt(a, b, c, d) => [a, b, c, d].map(|value| Scalar::Known(Word::new(value))),
            PolyExtStep::Get(tap) => {
                let dst = self.register();
                self.ops.push(Op::Get { dst, tap: tap as u32 });
                base(Scalar::Row(dst))
            }
            PolyExtStep::GetGlobal(list, at) => base(Scalar::Known(self.globals[list][at])),
            PolyExtStep::Add(a, b) => self.each(a, b, Self::add),
            PolyExtStep::Sub(a, b) => self.each(a, b, Self::sub),
            PolyExtStep::Mul(a, b) => self.mul_values(self.values[a], self.values[b]),
            PolyExtStep::True => return self.push_chain(None, Vec::new(), 0, uses),
            PolyExtStep::AndEqz(chain, inner) => return self.and_eqz(chain, inner, uses),
            PolyExtStep::AndCond(chain, cond, inner) => return self.and_cond(chain, cond, inner, uses),
            _ => unreachable!("RISC Zero's list has these steps only"),
        };
        self.values.push(value);
    }

    pub fn register(&mut self) -> Reg {
        self.registers += 1;
        self.registers - 1
    }

    fn set(&mut self, known: Word) -> Reg {
        let dst = self.register();
        self.ops.push(Op::Set { dst, known });
        dst
    }

    pub fn in_register(&mut self, scalar: Scalar) -> Reg {
        match scalar {
            Scalar::Known(known) => self.set(known),
            Scalar::Row(reg) => reg,
        }
    }

    fn power(&mut self, power: usize) -> BabyBearExtElem {
        while self.powers.len() <= power {
            self.powers.push(self.powers[self.powers.len() - 1] * self.powers[1]);
        }
        self.powers[power]
    }

    fn push_chain(
        &mut self,
        base: Option<ExtRegs>,
        pending: Vec<(Reg, BabyBearExtElem)>,
        power: usize,
        uses: &[usize],
    ) {
        let uses = uses[self.chains.len()];
        self.chains.push(Chain { base, pending, power, uses });
    }

    /// Carries on from a chain: what it has pending if nobody else wants it, else from its total.
    fn resume(&mut self, chain: usize) -> (Option<ExtRegs>, Vec<(Reg, BabyBearExtElem)>) {
        let Chain { pending, uses, .. } = &self.chains[chain];
        if *uses > 1 || pending.len() + EXT > MAX_TERMS {
            return (self.total(chain), Vec::new());
        }
        let chain = &mut self.chains[chain];
        (chain.base, core::mem::take(&mut chain.pending))
    }

    fn and_eqz(&mut self, chain: usize, inner: usize, uses: &[usize]) {
        let (base, mut pending) = self.resume(chain);
        let power = self.chains[chain].power;
        let factor = self.power(power);
        for (i, scalar) in self.values[inner].into_iter().enumerate() {
            if !matches!(scalar, Scalar::Known(known) if known == Word::ZERO) {
                let reg = self.in_register(scalar);
                pending.push((reg, factor * monomial(i)));
            }
        }
        self.push_chain(base, pending, power + 1, uses);
    }

    fn and_cond(&mut self, chain: usize, cond: usize, inner: usize, uses: &[usize]) {
        let (base, mut pending) = self.resume(chain);
        let power = self.chains[chain].power;
        let factor = self.power(power);
        if let Some(total) = self.total(inner) {
            let product = self.mul_values(self.values[cond], total.map(Scalar::Row));
            for (i, scalar) in product.into_iter().enumerate() {
                let reg = self.in_register(scalar);
                pending.push((reg, factor * monomial(i)));
            }
        }
        let power = power + self.chains[inner].power;
        self.push_chain(base, pending, power, uses);
    }

    /// The registers of a chain's sum; none if it has no constraint yet.
    fn total(&mut self, chain: usize) -> Option<ExtRegs> {
        let Chain { base, pending, .. } = &mut self.chains[chain];
        let (base, pending) = (*base, core::mem::take(pending));
        if pending.is_empty() {
            return base;
        }
        let first = self.terms.len() as u32;
        for &(reg, factor) in &pending {
            self.terms.push(reg);
            for (factors, &coefficient) in self.factors.iter_mut().zip(coefficients(&[factor])) {
                factors.push(coefficient);
            }
        }
        let dst = core::array::from_fn(|_| self.register());
        self.ops.push(Op::Fold { dst, base, first, len: pending.len() as u32 });
        self.chains[chain].base = Some(dst);
        Some(dst)
    }
}

fn base(scalar: Scalar) -> Value {
    [scalar, ZERO, ZERO, ZERO]
}

/// `x^i` in the extension field.
fn monomial(i: usize) -> BabyBearExtElem {
    let mut coefficients = [<BabyBearExtElem as ExtElem>::SubElem::ZERO; EXT];
    coefficients[i] = <BabyBearExtElem as ExtElem>::SubElem::ONE;
    BabyBearExtElem::from_subelems(coefficients)
}
