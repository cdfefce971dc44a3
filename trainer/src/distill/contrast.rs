//! The neighbour contrast of Graph-MLP (Hu et al. 2021, equations 4 and 5).
//!
//! `L = weight / m * sum_i -log(P_i / S_i)` over the m nodes of a step, with `E_ij = exp(cos(z_i, z_j) / T)`,
//! `S_i = sum of E_ik over k != i` and `P_i = sum of g_ij E_ij over j != i`; g is the power `hops` of
//! `D^-1/2 (A + I) D^-1/2`. With `u_i = z_i / |z_i|` and `c_ij = (E_ij / S_i - g_ij E_ij / P_i) / T`:
//! `d L / d u_i = weight / m * sum_j (c_ij + c_ji) u_j` and `d L / d z_i = (d_i - u_i (u_i . d_i)) / |z_i|`, `d_i` that slope.
//!
//! Nothing is larger than the nodes drawn, squared: rows of the power are walked anew in every step.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, Zip};
use rand::RngExt;
use sprs::CsMat;

use crate::method::link::contrast::Contrast as Keys;
use crate::nn::{Purpose, Step, stream};
use crate::teacher::symmetric;

/// The loss of a graph.
#[derive(Clone, Debug)]
pub(crate) struct Contrast {
    /// `D^-1/2 (A + I) D^-1/2` `[nodes x nodes]`.
    propagation: CsMat<f32>,
    keys: Keys,
    labelled: Vec<usize>,
}

/// A neighbour of a node among those drawn: both by their place there, and what the link weighs.
type Neighbour = (usize, usize, f32);

impl Contrast {
    pub(crate) fn new(keys: Keys, edges: &CsMat<f32>, labelled: &[usize]) -> Self {
        Self { propagation: symmetric(edges), keys, labelled: labelled.to_vec() }
    }

    /// The weighted loss of hidden values `[nodes x width]` of all nodes; adds its gradient.
    pub(crate) fn evaluate(
        &self,
        step: &Step<'_>,
        hidden: ArrayView2<'_, f32>,
        mut gradient: ArrayViewMut2<'_, f32>,
    ) -> f64 {
        let drawn = self.draw(step);
        let (mut unit, lengths) = unit_rows(hidden.select(Axis(0), &drawn));
        let mut similar = unit.dot(&unit.t());
        let temperature = self.keys.temperature as f32;
        // Less the largest cosine there is, which cancels out, so that nothing overflows.
        similar.mapv_inplace(|cosine| ((cosine - 1.0) / temperature).exp());
        similar.diag_mut().fill(0.0);
        let mut links = self.neighbours(&drawn);
        let (mut all, mut near) = (similar.sum_axis(Axis(1)), Array1::<f32>::zeros(drawn.len()));
        for (from, to, weight) in &mut links {
            *weight *= similar[[*from, *to]];
            near[*from] += *weight;
        }
        let scale = self.keys.weight / drawn.len() as f64;
        let slope = scale as f32 / temperature;
        let mut loss = 0.0;
        for (all, near) in all.iter_mut().zip(&mut near) {
            let counts = *near > 0.0;
            if counts {
                loss += scale * (f64::from(*all).ln() - f64::from(*near).ln());
            }
            *all = if counts { slope / *all } else { 0.0 };
            *near = if counts { slope / *near } else { 0.0 };
        }
        for (mut row, &own) in similar.rows_mut().into_iter().zip(&all) {
            Zip::from(&mut row).and(&all).for_each(|similar, &other| *similar *= own + other);
        }
        for (from, to, weight) in links {
            let share = weight * near[from];
            similar[[from, to]] -= share;
            similar[[to, from]] -= share;
        }
        let slopes = similar.dot(&unit);
        for (((mut unit, slope), &length), &node) in
            unit.rows_mut().into_iter().zip(slopes.rows()).zip(&lengths).zip(&drawn)
        {
            if length > 0.0 {
                let along = unit.dot(&slope);
                Zip::from(&mut unit).and(&slope).for_each(|unit, &slope| *unit = (slope - *unit * along) / length);
                let mut to = gradient.row_mut(node);
                to += &unit;
            }
        }
        loss
    }

    /// The nodes of a step, ascending.
    fn draw(&self, step: &Step<'_>) -> Vec<usize> {
        let count = self.propagation.rows();
        let mut nodes: Vec<usize> = (0..count).collect();
        if count > self.keys.nodes {
            let mut rng = stream(step.seed, Purpose::Nodes, step.number, 0);
            for at in 0..self.keys.nodes {
                nodes.swap(at, rng.random_range(at..count));
            }
            nodes.truncate(self.keys.nodes);
            if std::env::var_os("WITH_LABELLED").is_some() {
                nodes[..self.labelled.len()].copy_from_slice(&self.labelled);
                nodes.sort_unstable();
                nodes.dedup();
            }
            nodes.sort_unstable();
        }
        nodes
    }

    /// The pairs of nodes drawn that are joined over the hops, with their entry of the power.
    fn neighbours(&self, drawn: &[usize]) -> Vec<Neighbour> {
        let count = self.propagation.rows();
        let mut place = vec![None; count];
        drawn.iter().enumerate().for_each(|(at, &node)| place[node] = Some(at));
        let mut sums = vec![0.0f32; count];
        let (mut links, mut reached) = (Vec::new(), Vec::new());
        for (from, &node) in drawn.iter().enumerate() {
            let mut front = vec![(node, 1.0f32)];
            for _ in 0..self.keys.hops {
                for (at, share) in front.drain(..) {
                    let Some(row) = self.propagation.outer_view(at) else { continue };
                    for (next, &value) in row.iter() {
                        if sums[next] == 0.0 {
                            reached.push(next);
                        }
                        sums[next] += share * value;
                    }
                }
                front.extend(reached.drain(..).map(|node| (node, std::mem::take(&mut sums[node]))));
            }
            let others = front.into_iter().filter(|&(other, weight)| other != node && weight > 0.0);
            links.extend(others.filter_map(|(other, weight)| Some((from, place[other]?, weight))));
        }
        links
    }
}

/// Rows of length 1, and their lengths; a row of zeros stays.
fn unit_rows(mut rows: Array2<f32>) -> (Array2<f32>, Vec<f32>) {
    let shorten = |mut row: ndarray::ArrayViewMut1<'_, f32>| {
        let length = row.dot(&row).sqrt();
        if length > 0.0 {
            row /= length;
        }
        length
    };
    let lengths = rows.rows_mut().into_iter().map(shorten).collect();
    (rows, lengths)
}
