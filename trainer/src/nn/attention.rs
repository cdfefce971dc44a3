//! Graph attention over edges, forwards and backwards (Velickovic et al. 2018, as DGL's `GATConv`).
//!
//! For head k, destination i and source j: `score = from_k · h_j + to_k · h_i`, leaky ReLU with slope
//! 0.2, softmax over the edges that arrive at i, dropout of the coefficients, and the weighted sum of
//! the sources. The heads are concatenated in one row of `heads * depth` elements.

use super::random::DropoutMask;
use super::sparse::Csr;

/// Slope of the leaky ReLU below zero.
const SLOPE: f32 = 0.2;

/// The edges of one attention layer.
#[derive(Debug)]
pub(crate) struct Attention {
    /// [destinations x sources], self-loops included; the values are not used.
    pub(crate) edges: Csr,
    /// For each destination, its row among the sources.
    pub(crate) own: Vec<u32>,
    /// Number of heads.
    pub(crate) heads: usize,
}

/// The values of the forward pass that the backward pass needs.
#[derive(Debug)]
pub(crate) struct Attended {
    projected: Vec<f32>,
    from: Vec<f32>,
    to: Vec<f32>,
    /// Softmax coefficients, one per edge and head.
    softmax: Vec<f32>,
    /// Slope of the leaky ReLU, one per edge and head.
    slope: Vec<f32>,
    mask: Option<DropoutMask>,
}

impl Attended {
    fn factor(&self, at: usize) -> f32 {
        self.mask.as_ref().map_or(1.0, |mask| mask.factor(at))
    }
}

/// `sum_d values[row][head][d] * vector[head][d]`, one number per row and head.
fn head_scores(values: &[f32], vector: &[f32], heads: usize) -> Vec<f32> {
    let depth = vector.len() / heads;
    values
        .chunks_exact(depth)
        .enumerate()
        .map(|(at, block)| {
            let head = at % heads;
            block.iter().zip(&vector[head * depth..]).map(|(value, weight)| value * weight).sum()
        })
        .collect()
}

/// Returns the sums [destinations x heads * depth] and the record for `backward`.
pub(crate) fn forward(
    graph: &Attention,
    projected: &[f32],
    from: &[f32],
    to: &[f32],
    mask: Option<DropoutMask>,
) -> (Vec<f32>, Attended) {
    let (edges, heads, width) = (&graph.edges, graph.heads, from.len());
    let depth = width / heads;
    let source_scores = head_scores(projected, from, heads);
    let own_scores = head_scores(projected, to, heads);
    let mut attended = Attended {
        projected: projected.to_vec(),
        from: from.to_vec(),
        to: to.to_vec(),
        softmax: vec![0.0; edges.stored() * heads],
        slope: vec![1.0; edges.stored() * heads],
        mask,
    };
    let mut out = vec![0.0; edges.rows * width];
    for row in 0..edges.rows {
        let stored = edges.row(row);
        for head in 0..heads {
            let own = own_scores[graph.own[row] as usize * heads + head];
            let mut highest = f32::NEG_INFINITY;
            for at in stored.clone() {
                let raw = source_scores[edges.indices[at] as usize * heads + head] + own;
                let slope = if raw > 0.0 { 1.0 } else { SLOPE };
                attended.slope[at * heads + head] = slope;
                attended.softmax[at * heads + head] = raw * slope;
                highest = highest.max(raw * slope);
            }
            let mut sum = 0.0;
            for at in stored.clone() {
                let weight = &mut attended.softmax[at * heads + head];
                *weight = (*weight - highest).exp();
                sum += *weight;
            }
            for at in stored.clone() {
                attended.softmax[at * heads + head] /= sum;
                let weight = attended.softmax[at * heads + head] * attended.factor(at * heads + head);
                let source = &projected[edges.indices[at] as usize * width + head * depth..][..depth];
                let target = &mut out[row * width + head * depth..][..depth];
                for (sum, value) in target.iter_mut().zip(source) {
                    *sum += weight * value;
                }
            }
        }
    }
    (out, attended)
}

/// Gradients of the projected rows and of the two attention vectors.
pub(crate) fn backward(graph: &Attention, attended: &Attended, gradient: &[f32]) -> [Vec<f32>; 3] {
    let (edges, heads, width) = (&graph.edges, graph.heads, attended.from.len());
    let depth = width / heads;
    let mut projected = vec![0.0; attended.projected.len()];
    let mut source_scores = vec![0.0; edges.columns * heads];
    let mut own_scores = vec![0.0; edges.columns * heads];
    let mut by_edge = Vec::new();
    for row in 0..edges.rows {
        let stored = edges.row(row);
        for head in 0..heads {
            let arriving = &gradient[row * width + head * depth..][..depth];
            by_edge.clear();
            let mut mean = 0.0;
            for at in stored.clone() {
                let (factor, softmax) = (attended.factor(at * heads + head), attended.softmax[at * heads + head]);
                let offset = edges.indices[at] as usize * width + head * depth;
                let source = &attended.projected[offset..][..depth];
                let mut dot = 0.0;
                for ((sum, value), arrived) in projected[offset..][..depth].iter_mut().zip(source).zip(arriving) {
                    *sum += softmax * factor * arrived;
                    dot += value * arrived;
                }
                by_edge.push(dot * factor);
                mean += dot * factor * softmax;
            }
            for (at, &coefficient) in stored.clone().zip(&by_edge) {
                let cell = at * heads + head;
                let score = attended.softmax[cell] * (coefficient - mean) * attended.slope[cell];
                source_scores[edges.indices[at] as usize * heads + head] += score;
                own_scores[graph.own[row] as usize * heads + head] += score;
            }
        }
    }
    let (mut from, mut to) = (vec![0.0; width], vec![0.0; width]);
    for row in 0..edges.columns {
        for head in 0..heads {
            let (source, own) = (source_scores[row * heads + head], own_scores[row * heads + head]);
            for lane in head * depth..(head + 1) * depth {
                let at = row * width + lane;
                projected[at] += source * attended.from[lane] + own * attended.to[lane];
                from[lane] += source * attended.projected[at];
                to[lane] += own * attended.projected[at];
            }
        }
    }
    [projected, from, to]
}
