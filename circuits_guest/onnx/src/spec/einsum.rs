//! The equation of Einsum: which dims of the operands are one and the same, and which are left in the result.

use alloc::format;
use alloc::vec::Vec;

use crate::attributes::Attributes;
use crate::build::Op;
use crate::error::{refuse, OpResult};

/// Most operands: a product of more is written as several nodes.
const MAX_OPERANDS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// An ASCII letter.
    Letter(u8),
    /// As many dims as the other labels of an operand leave over.
    Ellipsis,
}

#[derive(Clone, Debug)]
pub(crate) struct Einsum {
    /// Of each operand, a label a dim.
    pub operands: Vec<Vec<Label>>,
    pub result: Vec<Label>,
}

pub(crate) fn einsum(a: &mut Attributes<'_>) -> Option<Op> {
    let text = a.text("equation", "");
    match equation(text) {
        Ok(einsum) => Some(Op::Einsum(einsum)),
        Err(reason) => a.problem(format!("attribute \"equation\" = {text:?}: {reason}")),
    }
}

fn equation(text: &str) -> OpResult<Einsum> {
    let (inputs, output) = match text.split_once("->") {
        Some((inputs, output)) => (inputs, Some(output)),
        None => (text, None),
    };
    let operands = inputs.split(',').map(labels).collect::<OpResult<Vec<_>>>()?;
    if operands.len() > MAX_OPERANDS {
        refuse!("{} operands, at most {} are supported", operands.len(), MAX_OPERANDS);
    }
    let count = |label: Label| operands.iter().flatten().filter(|&&l| l == label).count();
    let result = match output {
        Some(output) => labels(output)?,
        None => {
            // Letters that stand once, by their place in ASCII, behind what the ellipses hold.
            let letters = (b'A'..=b'z').map(Label::Letter).filter(|&l| count(l) == 1);
            let ellipsis = Some(Label::Ellipsis).filter(|&l| count(l) > 0);
            ellipsis.into_iter().chain(letters).collect()
        }
    };
    for (i, &label) in result.iter().enumerate() {
        if result[..i].contains(&label) || count(label) == 0 {
            refuse!("a label of the result stands there twice or in no operand");
        }
    }
    if count(Label::Ellipsis) > 0 && !result.contains(&Label::Ellipsis) {
        refuse!("the result leaves the ellipsis out, name the dims to sum over");
    }
    Ok(Einsum { operands, result })
}

fn labels(term: &str) -> OpResult<Vec<Label>> {
    let mut out = Vec::new();
    let mut rest = term.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = match first {
            b' ' => tail,
            b'.' if tail.starts_with(b"..") && !out.contains(&Label::Ellipsis) => {
                out.push(Label::Ellipsis);
                &tail[2..]
            }
            letter if letter.is_ascii_alphabetic() => {
                out.push(Label::Letter(letter));
                tail
            }
            _ => refuse!("{:?} is no list of labels", term),
        };
    }
    Ok(out)
}
