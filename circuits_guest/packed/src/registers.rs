//! Maps the registers of a lowered program, each written once, to as few as hold what is still needed, so
//! that the values of a block of rows stay in the processor's caches.

use crate::program::{ExtRegs, Op, Program, Reg};

impl Op {
    fn visit(
        &mut self,
        terms: &mut [Reg],
        mut source: impl FnMut(&mut Reg),
        mut target: impl FnMut(&mut Reg),
    ) {
        match self {
            Op::Get { dst, .. } | Op::Set { dst, .. } => target(dst),
            Op::Add { dst, a, b } | Op::Sub { dst, a, b } | Op::Mul { dst, a, b } => {
                source(a);
                source(b);
                target(dst);
            }
            Op::AddKnown { dst, a, .. } | Op::SubFromKnown { dst, a, .. } | Op::MulKnown { dst, a, .. } => {
                source(a);
                target(dst);
            }
            Op::MulExt { dst, a, b } => {
                a.iter_mut().chain(b).for_each(&mut source);
                dst.iter_mut().for_each(target);
            }
            Op::Fold { dst, base, first, len } => {
                base.iter_mut().flatten().for_each(&mut source);
                terms[*first as usize..(*first + *len) as usize].iter_mut().for_each(source);
                dst.iter_mut().for_each(target);
            }
        }
    }
}

pub fn allocate(mut program: Program) -> Program {
    let Program { ops, terms, result, registers, .. } = &mut program;
    // Where each register is read for the last time; what is never read is not computed at all.
    let mut last = vec![None; *registers];
    for reg in result.iter() {
        last[*reg as usize] = Some(usize::MAX);
    }
    let mut kept = Vec::with_capacity(ops.len());
    for (at, mut op) in core::mem::take(ops).into_iter().enumerate().rev() {
        let mut needed = false;
        op.visit(terms, |_| {}, |reg| needed |= last[*reg as usize].is_some());
        if needed {
            op.visit(
                terms,
                |reg| {
                    last[*reg as usize].get_or_insert(at);
                },
                |_| {},
            );
            kept.push((at, op));
        }
    }
    let mut slots = vec![0; *registers];
    let mut free: Vec<Reg> = Vec::new();
    let mut count = 0;
    for (at, mut op) in kept.into_iter().rev() {
        let mut ended: Vec<Reg> = Vec::new();
        let mut dead: Vec<Reg> = Vec::new();
        op.visit(
            terms,
            |reg| {
                let slot = slots[*reg as usize];
                if last[*reg as usize] == Some(at) && !ended.contains(&slot) {
                    ended.push(slot);
                }
                *reg = slot;
            },
            |_| {},
        );
        // An operation with several results may read an operand after it wrote the first of them.
        if !matches!(op, Op::MulExt { .. } | Op::Fold { .. }) {
            free.append(&mut ended);
        }
        op.visit(
            terms,
            |_| {},
            |reg| {
                let slot = free.pop().unwrap_or_else(|| {
                    count += 1;
                    count - 1
                });
                slots[*reg as usize] = slot;
                if last[*reg as usize].is_none() {
                    dead.push(slot);
                }
                *reg = slot;
            },
        );
        free.append(&mut ended);
        free.append(&mut dead);
        ops.push(op);
    }
    let placed: ExtRegs = result.map(|reg| slots[reg as usize]);
    *result = placed;
    *registers = count as usize;
    program
}
