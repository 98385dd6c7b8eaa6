//! One model run on many inputs, from canonical encoding to canonical encoding.

use alloc::vec::Vec;

use crate::encoding::{decode_tensors, encode_tensors};
use crate::engine::Engine;
use crate::error::Error;
use crate::model::Model;
use crate::packed::{pack_weights, Packed};
use crate::plan::Plan;

/// Runs a model again and again and keeps what the runs share.
///
/// A chain of integer layers over an input of fixed shape runs by a plan made once; every other model runs
/// node by node, its weights packed once for the engine. An input that a plan does not take runs node by node
/// too, so that outputs and errors are always those of [`Model::run`].
pub struct Session<'m> {
    model: &'m Model<'m>,
    plan: Option<Plan<'m>>,
    /// Of each node, where there is no plan.
    packed: Vec<Option<Packed>>,
    answer: Vec<u8>,
}

impl<'m> Session<'m> {
    /// For about that many runs by such an engine: what pays to make ready depends on it, and so does what the
    /// engine is asked, now and in each run.
    pub fn new(model: &'m Model<'m>, runs: usize, engine: &mut dyn Engine) -> Session<'m> {
        let plan = Plan::of(model, runs, engine);
        let nodes = if plan.is_none() { model.nodes.as_slice() } else { &[] };
        let packed = nodes.iter().map(|node| pack_weights(node, &model.constants, engine)).collect();
        Session { model, plan, packed, answer: Vec::new() }
    }

    /// Whether the runs of this model need not look at its nodes.
    pub fn is_planned(&self) -> bool {
        self.plan.is_some()
    }

    /// Output tensors of one run, in the canonical encoding; they lie in the session until its next run.
    pub fn run(&mut self, tensors: &[u8], engine: &mut dyn Engine) -> Result<&[u8], Error> {
        if let Some(plan) = &mut self.plan {
            if plan.run(tensors, engine) {
                return Ok(plan.answer());
            }
        }
        self.answer = encode_tensors(&self.model.run_by(&decode_tensors(tensors)?, &self.packed, engine)?);
        Ok(&self.answer)
    }
}
