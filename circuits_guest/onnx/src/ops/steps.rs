//! How long a run may take: operators whose steps are not bounded by the elements that they read and make say
//! how many they take, before they take them.

use core::cell::Cell;

use crate::error::{refuse, OpResult};

/// Most steps of one run, each about a multiplication and an addition: minutes natively, far beyond what a
/// guest can prove.
pub(crate) const MAX_STEPS: u64 = 1 << 36;

/// What is left of them to the nodes to come.
pub(crate) struct Steps(Cell<u64>);

impl Steps {
    pub(crate) fn of_a_run() -> Steps {
        Steps(Cell::new(MAX_STEPS))
    }

    /// Takes as many steps as the product of these factors, or refuses.
    pub(crate) fn spend(&self, factors: &[usize]) -> OpResult<()> {
        let steps = factors.iter().try_fold(1u64, |n, &f| n.checked_mul(f.max(1) as u64));
        match steps.and_then(|n| self.0.get().checked_sub(n)) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => refuse!("the run would take more than {} steps", MAX_STEPS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nodes_of_a_run_share_its_steps() {
        let steps = Steps::of_a_run();
        assert!(steps.spend(&[1 << 20, 1 << 15]).is_ok());
        assert!(steps.spend(&[1 << 20, 1 << 16]).is_err());
        assert!(steps.spend(&[1 << 20, 1 << 15]).is_ok());
        assert!(steps.spend(&[0]).is_err());
        assert!(Steps::of_a_run().spend(&[usize::MAX; 3]).is_err());
    }
}
