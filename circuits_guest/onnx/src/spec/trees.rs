//! Tree ensembles of `ai.onnx.ml`, from lists with an entry a node to nodes that point at each other.
//!
//! A node is reached from one place only, its parent or the list of roots, so no walk meets a node twice:
//! a walk ends after at most [`MAX_DEPTH`] branches, and the number of its steps is known before a run.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::attributes::Attributes;
use crate::error::{refuse, OpResult};

/// Most branches from a root to a leaf; trained trees have tens.
const MAX_DEPTH: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Leq,
    Lt,
    Gte,
    Gt,
    Eq,
    Neq,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Node {
    Branch {
        mode: Mode,
        feature: u32,
        threshold: f32,
        /// Where a NaN goes, which no comparison but that for inequality takes.
        nan_is_true: bool,
        yes: u32,
        no: u32,
    },
    /// Whether a feature is one of a range of the members; as above.
    Member { feature: u32, start: u32, end: u32, nan_is_true: bool, yes: u32, no: u32 },
    /// A range of the weights.
    Leaf { start: u32, end: u32 },
}

/// What a leaf adds to the score of one target or class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    pub target: u32,
    pub value: f32,
}

#[derive(Clone, Debug)]
pub(crate) struct Trees {
    pub nodes: Vec<Node>,
    pub roots: Vec<u32>,
    pub weights: Vec<Weight>,
    /// What the sets of [`Node::Member`] hold.
    pub members: Vec<f32>,
    /// Features that a row must have.
    pub features: usize,
    /// Branches on the longest way from a root to a leaf.
    pub depth: usize,
}

/// The attributes, with an entry a node or a weight.
pub(super) struct Lists<'a> {
    tree: &'a [i64],
    node: &'a [i64],
    feature: &'a [i64],
    mode: &'a [&'a [u8]],
    threshold: Vec<f32>,
    yes: &'a [i64],
    no: &'a [i64],
    nan: &'a [i64],
    pub(super) ids: &'a [i64],
    weight_tree: &'a [i64],
    weight_node: &'a [i64],
    pub(super) weights: Vec<f32>,
}

impl<'a> Lists<'a> {
    pub(super) fn read(a: &mut Attributes<'a>, prefix: &str) -> Lists<'a> {
        // How often training data took each branch.
        a.ignore("nodes_hitrates");
        a.ignore("nodes_hitrates_as_tensor");
        let mut ints = |name: &str| a.ints(name).unwrap_or(&[]);
        Lists {
            tree: ints("nodes_treeids"),
            node: ints("nodes_nodeids"),
            feature: ints("nodes_featureids"),
            yes: ints("nodes_truenodeids"),
            no: ints("nodes_falsenodeids"),
            nan: ints("nodes_missing_value_tracks_true"),
            ids: ints(&format!("{prefix}_ids")),
            weight_tree: ints(&format!("{prefix}_treeids")),
            weight_node: ints(&format!("{prefix}_nodeids")),
            weights: a.floats_or_tensor(&format!("{prefix}_weights")),
            threshold: a.floats_or_tensor("nodes_values"),
            mode: a.texts("nodes_modes"),
        }
    }

    pub(super) fn trees(&self, targets: usize) -> OpResult<Trees> {
        let n = self.tree.len();
        let lens = [self.node.len(), self.feature.len(), self.mode.len(), self.threshold.len()];
        if n == 0 || n > 1 << 24 || lens != [n; 4] || [self.yes.len(), self.no.len()] != [n; 2] {
            refuse!("the lists of nodes are empty or differ in length");
        }
        if !self.nan.is_empty() && self.nan.len() != n {
            refuse!("nodes_missing_value_tracks_true has {} entries for {} nodes", self.nan.len(), n);
        }
        let index = Index::new(self.tree, self.node)?;
        let (ranges, weights) = self.leaves(&index, targets)?;
        let mut nodes = Vec::with_capacity(n);
        let (mut roots, mut features) = (Vec::new(), 0);
        let mut reached = vec![false; n];
        let mut reach = |i: usize| match core::mem::replace(&mut reached[i], true) {
            true => refuse!("node {} of tree {} is reached twice", self.node[i], self.tree[i]),
            false => Ok(i as u32),
        };
        for i in 0..n {
            let tree = self.tree[i];
            if i == 0 || self.tree[i - 1] != tree {
                roots.push(reach(i)?);
            }
            nodes.push(match mode(self.mode[i])? {
                None if targets == 1 && ranges[i] + 1 < ranges[i + 1] => {
                    refuse!("a leaf has more than one weight for the only target")
                }
                None => Node::Leaf { start: ranges[i], end: ranges[i + 1] },
                Some(mode) => {
                    let feature = u32::try_from(self.feature[i]).ok().filter(|&f| f < 1 << 24);
                    let Some(feature) = feature else {
                        refuse!("feature {} is out of range", self.feature[i]);
                    };
                    features = features.max(feature as usize + 1);
                    if ranges[i] != ranges[i + 1] {
                        refuse!("node {} of tree {} is no leaf, but has weights", self.node[i], tree);
                    }
                    let nan_is_true = self.nan.get(i).is_some_and(|&v| v == 1);
                    let yes = reach(index.find(tree, self.yes[i])?)?;
                    let no = reach(index.find(tree, self.no[i])?)?;
                    Node::Branch { mode, feature, threshold: self.threshold[i], nan_is_true, yes, no }
                }
            });
        }
        let depth = depth(&nodes, &roots)?;
        Ok(Trees { nodes, roots, weights, members: Vec::new(), features, depth })
    }

    /// The weights of each node side by side, in the order of the file, and where those of each begin.
    fn leaves(&self, index: &Index, targets: usize) -> OpResult<(Vec<u32>, Vec<Weight>)> {
        let count = self.weights.len();
        let lens = [self.ids.len(), self.weight_tree.len(), self.weight_node.len()];
        if count == 0 || count > 1 << 24 || lens != [count; 3] {
            refuse!("the lists of weights are empty or differ in length");
        }
        let mut places = Vec::with_capacity(count);
        for (&tree, &node) in self.weight_tree.iter().zip(self.weight_node) {
            places.push(index.find(tree, node)?);
        }
        let mut starts = vec![0u32; self.tree.len() + 1];
        places.iter().for_each(|&i| starts[i + 1] += 1);
        (1..starts.len()).for_each(|i| starts[i] += starts[i - 1]);
        let mut next = starts.clone();
        let mut weights = vec![Weight { target: 0, value: 0.0 }; count];
        for ((&i, &id), &value) in places.iter().zip(self.ids).zip(&self.weights) {
            let Some(target) = u32::try_from(id).ok().filter(|&id| (id as usize) < targets) else {
                refuse!("a weight for target {}, there are {}", id, targets);
            };
            weights[next[i] as usize] = Weight { target, value };
            next[i] += 1;
        }
        Ok((starts, weights))
    }
}

fn mode(text: &[u8]) -> OpResult<Option<Mode>> {
    Ok(Some(match text {
        b"LEAF" => return Ok(None),
        b"BRANCH_LEQ" => Mode::Leq,
        b"BRANCH_LT" => Mode::Lt,
        b"BRANCH_GTE" => Mode::Gte,
        b"BRANCH_GT" => Mode::Gt,
        b"BRANCH_EQ" => Mode::Eq,
        b"BRANCH_NEQ" => Mode::Neq,
        other => refuse!("node mode {:?} is not supported", String::from_utf8_lossy(other)),
    }))
}

/// Branches on the longest way from a root to a leaf. Ends, as no node is reached twice.
pub(super) fn depth(nodes: &[Node], roots: &[u32]) -> OpResult<usize> {
    let mut open: Vec<(u32, usize)> = roots.iter().map(|&root| (root, 0)).collect();
    let mut deepest = 0;
    while let Some((node, depth)) = open.pop() {
        deepest = deepest.max(depth);
        match nodes[node as usize] {
            Node::Leaf { start, end } if start == end => refuse!("a leaf has no weight"),
            Node::Leaf { .. } => {}
            Node::Branch { .. } | Node::Member { .. } if depth == MAX_DEPTH => {
                refuse!("a tree is deeper than {} branches", MAX_DEPTH)
            }
            Node::Branch { yes, no, .. } | Node::Member { yes, no, .. } => {
                open.extend([(yes, depth + 1), (no, depth + 1)])
            }
        }
    }
    Ok(deepest)
}

/// Places of nodes by tree and number.
struct Index(Vec<(i64, i64, u32)>);

impl Index {
    fn new(tree: &[i64], node: &[i64]) -> OpResult<Index> {
        let mut all: Vec<_> = (0u32..).zip(tree.iter().zip(node)).map(|(i, (&t, &n))| (t, n, i)).collect();
        all.sort_unstable();
        if let Some(twice) = all.windows(2).find(|pair| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1)) {
            refuse!("node {} of tree {} is listed twice", twice[0].1, twice[0].0);
        }
        Ok(Index(all))
    }

    fn find(&self, tree: i64, node: i64) -> OpResult<usize> {
        match self.0.binary_search_by_key(&(tree, node), |&(t, n, _)| (t, n)) {
            Ok(at) => Ok(self.0[at].2 as usize),
            Err(_) => refuse!("tree {} has no node {}", tree, node),
        }
    }
}
