//! TreeEnsemble of version 5 of `ai.onnx.ml`: nodes and leaves that point at each other by place.
//!
//! No branch is reached twice, so every walk ends, as in [`super::trees`]. Leaves may be shared.

use alloc::vec;
use alloc::vec::Vec;

use super::trees::{depth, Mode, Node, Trees, Weight};
use crate::attributes::Attributes;
use crate::error::{refuse, OpResult};
use crate::tensor::{Data, Tensor};

/// The attributes, with an entry a branch or a leaf.
pub(super) struct Forest<'a> {
    roots: &'a [i64],
    feature: &'a [i64],
    modes: Vec<u8>,
    splits: Vec<f32>,
    branches: [Side<'a>; 2],
    nan: &'a [i64],
    /// Members of sets, each closed by a NaN.
    members: Vec<f32>,
    targets: &'a [i64],
    weights: Vec<f32>,
}

/// Where a node leads, and whether that is a leaf.
struct Side<'a> {
    to: &'a [i64],
    leaf: &'a [i64],
}

fn floats(a: &mut Attributes<'_>, name: &str) -> Vec<f32> {
    match a.tensor(name).map(Tensor::into_data) {
        None => Vec::new(),
        Some(Data::F32(v)) => v,
        Some(other) => {
            a.problems.push(alloc::format!("attribute {name:?} is of type {}, not float32", other.dtype()));
            Vec::new()
        }
    }
}

impl<'a> Forest<'a> {
    pub(super) fn read(a: &mut Attributes<'a>) -> Forest<'a> {
        // How often training data took each branch.
        a.ignore("nodes_hitrates");
        let modes = match a.tensor("nodes_modes").map(Tensor::into_data) {
            Some(Data::U8(v)) => v,
            _ => a.problem("attribute \"nodes_modes\" is no tensor of uint8".into()).unwrap_or_default(),
        };
        let mut ints = |name: &str| a.ints(name).unwrap_or(&[]);
        let branches = [
            Side { to: ints("nodes_truenodeids"), leaf: ints("nodes_trueleafs") },
            Side { to: ints("nodes_falsenodeids"), leaf: ints("nodes_falseleafs") },
        ];
        Forest {
            roots: ints("tree_roots"),
            feature: ints("nodes_featureids"),
            nan: ints("nodes_missing_value_tracks_true"),
            targets: ints("leaf_targetids"),
            modes,
            branches,
            splits: floats(a, "nodes_splits"),
            members: floats(a, "membership_values"),
            weights: floats(a, "leaf_weights"),
        }
    }

    pub(super) fn trees(&self, targets: usize) -> OpResult<Trees> {
        let (n, leaves) = (self.modes.len(), self.weights.len());
        let [yes, no] = &self.branches;
        let lens =
            [self.feature.len(), self.splits.len(), yes.to.len(), yes.leaf.len(), no.to.len(), no.leaf.len()];
        if n == 0 || n + leaves > 1 << 24 || lens != [n; 6] || ![0, n].contains(&self.nan.len()) {
            refuse!("the lists of nodes are empty or differ in length");
        }
        if leaves == 0 || self.targets.len() != leaves {
            refuse!("the lists of leaves are empty or differ in length");
        }
        let mut reached = vec![false; n];
        let mut reach = |at: i64| match usize::try_from(at).ok().filter(|&i| i < n) {
            Some(i) if core::mem::replace(&mut reached[i], true) => refuse!("node {} is reached twice", at),
            Some(i) => Ok(i as u32),
            None => refuse!("there is no node {}", at),
        };
        let roots = self.roots.iter().map(|&root| reach(root)).collect::<OpResult<Vec<u32>>>()?;
        if roots.is_empty() {
            refuse!("there is no tree");
        }
        // Leaves stand behind the branches.
        let mut follow = |side: &Side<'_>, i: usize| match side.leaf[i] {
            0 => reach(side.to[i]),
            _ => match usize::try_from(side.to[i]).ok().filter(|&leaf| leaf < leaves) {
                Some(leaf) => Ok((n + leaf) as u32),
                None => refuse!("there is no leaf {}", side.to[i]),
            },
        };
        let (mut nodes, mut features, mut member) = (Vec::with_capacity(n + leaves), 0, 0);
        for i in 0..n {
            let Some(feature) = u32::try_from(self.feature[i]).ok().filter(|&f| f < 1 << 24) else {
                refuse!("feature {} is out of range", self.feature[i]);
            };
            features = features.max(feature as usize + 1);
            let nan_is_true = self.nan.get(i) == Some(&1);
            let (yes, no) = (follow(yes, i)?, follow(no, i)?);
            let threshold = self.splits[i];
            nodes.push(match mode(self.modes[i])? {
                Some(_) if !threshold.is_finite() => refuse!("split {} is not finite", i),
                Some(mode) => Node::Branch { mode, feature, threshold, nan_is_true, yes, no },
                None => {
                    let start = member;
                    let Some(count) = self.members[start..].iter().position(|v| v.is_nan()) else {
                        refuse!("membership_values has no set for node {}", i);
                    };
                    member += count + 1;
                    let (start, end) = (start as u32, (start + count) as u32);
                    Node::Member { feature, start, end, nan_is_true, yes, no }
                }
            });
        }
        nodes.extend((0..leaves as u32).map(|leaf| Node::Leaf { start: leaf, end: leaf + 1 }));
        let mut weights = Vec::with_capacity(leaves);
        for (&target, &value) in self.targets.iter().zip(&self.weights) {
            let Some(target) = u32::try_from(target).ok().filter(|&t| (t as usize) < targets) else {
                refuse!("a leaf for target {}, there are {}", target, targets);
            };
            if !value.is_finite() {
                refuse!("a weight of a leaf is not finite");
            }
            weights.push(Weight { target, value });
        }
        let depth = depth(&nodes, &roots)?;
        Ok(Trees { nodes, roots, weights, members: self.members.clone(), features, depth })
    }
}

/// `None` for BRANCH_MEMBER.
fn mode(code: u8) -> OpResult<Option<Mode>> {
    Ok(Some(match code {
        0 => Mode::Leq,
        1 => Mode::Lt,
        2 => Mode::Gte,
        3 => Mode::Gt,
        4 => Mode::Eq,
        5 => Mode::Neq,
        6 => return Ok(None),
        other => refuse!("node mode {} is not defined", other),
    }))
}
