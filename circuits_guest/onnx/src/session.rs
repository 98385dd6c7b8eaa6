//! One model run on many inputs, from canonical encoding to canonical encoding.

use alloc::vec::Vec;

use crate::encoding::{decode_tensors, encode_tensors};
use crate::engine::Engine;
use crate::error::Error;
use crate::model::Model;
use crate::plan::Plan;

/// Runs a model again and again and keeps what the runs share.
///
/// A chain of integer layers over an input of fixed shape runs by a plan made once; every other model, and
/// every input that the plan does not take, runs node by node with the same outputs and errors.
pub struct Session<'m, E> {
    model: &'m Model,
    engine: E,
    plan: Option<Plan<'m>>,
    answer: Vec<u8>,
}

impl<'m, E: Engine> Session<'m, E> {
    pub fn new(model: &'m Model, engine: E) -> Session<'m, E> {
        Session { model, engine, plan: Plan::of(model), answer: Vec::new() }
    }

    /// What multiplies.
    pub fn engine(&mut self) -> &mut E {
        &mut self.engine
    }

    /// Whether the runs of this model need not look at its nodes.
    pub fn is_planned(&self) -> bool {
        self.plan.is_some()
    }

    /// Output tensors of one run, in the canonical encoding; they lie in the session until its next run.
    pub fn run(&mut self, tensors: &[u8]) -> Result<&[u8], Error> {
        if let Some(plan) = &mut self.plan {
            if plan.run(tensors, &mut self.engine) {
                return Ok(plan.answer());
            }
        }
        self.answer = encode_tensors(&self.model.run_by(&decode_tensors(tensors)?, &mut self.engine)?);
        Ok(&self.answer)
    }
}
