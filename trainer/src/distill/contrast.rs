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
    /// Every node, first those that are part of every step.
    order: Vec<usize>,
    /// How many these are.
    certain: usize,
}

/// A neighbour of a node among those drawn: both by their place there, and what the link weighs.
type Neighbour = (usize, usize, f32);

impl Contrast {
    /// Nodes with a label are part of every step, as in the published code, unless they would be most of it.
    pub(crate) fn new(keys: Keys, edges: &CsMat<f32>, labelled: &[usize]) -> Self {
        let certain = if 2 * labelled.len() <= keys.nodes { labelled } else { &[] };
        let mut order = certain.to_vec();
        let mut is_certain = vec![false; edges.rows()];
        certain.iter().for_each(|&node| is_certain[node] = true);
        order.extend((0..edges.rows()).filter(|&node| !is_certain[node]));
        Self { propagation: symmetric(edges), keys, certain: certain.len(), order }
    }

    /// The weighted loss of hidden values `[nodes x width]` of all nodes, node `i` in row `places[i]`; adds its gradient. Only
    /// the rows of the nodes drawn are read and written.
    pub(crate) fn evaluate(
        &self,
        step: &Step<'_>,
        places: &[usize],
        hidden: ArrayView2<'_, f32>,
        mut gradient: ArrayViewMut2<'_, f32>,
    ) -> f64 {
        let drawn = self.draw(step);
        let (mut unit, lengths) =
            unit_rows(hidden.select(Axis(0), &drawn.iter().map(|&node| places[node]).collect::<Vec<_>>()));
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
                let mut to = gradient.row_mut(places[node]);
                to += &unit;
            }
        }
        loss
    }

    /// The nodes of a step, ascending.
    fn draw(&self, step: &Step<'_>) -> Vec<usize> {
        let count = self.propagation.rows();
        let mut nodes = self.order.clone();
        if count > self.keys.nodes {
            let mut rng = stream(step.seed, Purpose::Nodes, step.number, 0);
            for at in self.certain..self.keys.nodes {
                nodes.swap(at, rng.random_range(at..count));
            }
            nodes.truncate(self.keys.nodes);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distill::tests::{EDGES, ROWS, random};
    use sprs::TriMat;

    fn edges() -> CsMat<f32> {
        let mut cells = TriMat::new((ROWS, ROWS));
        // The last node has no neighbour.
        for (a, b) in EDGES.into_iter().filter(|&(a, b)| a.max(b) < ROWS - 1) {
            cells.add_triplet(a, b, 1.0);
            cells.add_triplet(b, a, 1.0);
        }
        cells.to_csr()
    }

    fn keys(hops: usize, nodes: usize) -> Keys {
        Keys { weight: 3.0, temperature: 0.4, hops, nodes }
    }

    const IN_ORDER: [usize; ROWS] = {
        let mut places = [0; ROWS];
        let mut at = 0;
        while at < ROWS {
            places[at] = at;
            at += 1;
        }
        places
    };

    const STEP: Step<'static> = Step { epoch: 0, number: 4, seed: 6, rows: &[] };

    /// The loss as it is defined, over every node.
    fn defined(keys: &Keys, hidden: &Array2<f32>) -> f64 {
        let one = symmetric(&edges()).to_dense().mapv(f64::from);
        let power = (1..keys.hops).fold(one.clone(), |power, _| power.dot(&one));
        let cosine = |a: usize, b: usize| {
            let dot = |a: usize, b: usize| f64::from(hidden.row(a).dot(&hidden.row(b)));
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        let node = |i: usize| {
            let others = (0..ROWS).filter(|&j| j != i);
            let terms = others.map(|j| (power[[i, j]], (cosine(i, j) / keys.temperature).exp()));
            let (near, all) = terms.fold((0.0, 0.0), |(near, all), (g, e)| (near + g * e, all + e));
            if near > 0.0 { -(near / all).ln() } else { 0.0 }
        };
        keys.weight * (0..ROWS).map(node).sum::<f64>() / ROWS as f64
    }

    #[test]
    fn loss_and_gradient_follow_the_definition() {
        for hops in 1..=3 {
            let (keys, hidden) = (keys(hops, ROWS), random(3, 2.0));
            let mut gradient = Array2::zeros(hidden.dim());
            let loss = Contrast::new(keys.clone(), &edges(), &[]);
            let loss = loss.evaluate(&STEP, &IN_ORDER, hidden.view(), gradient.view_mut());
            assert!((loss - defined(&keys, &hidden)).abs() < 1e-5 * loss, "{hops}: {loss} {}", defined(&keys, &hidden));
            let largest = gradient.iter().fold(0.0f32, |most, slope| most.max(slope.abs()));
            for ((row, column), &closed) in gradient.indexed_iter() {
                let probe = |distance: f32| {
                    let mut moved = hidden.clone();
                    moved[[row, column]] += distance;
                    defined(&keys, &moved)
                };
                let slope = (probe(1e-3) - probe(-1e-3)) / 2e-3;
                let gap = (slope - f64::from(closed)).abs();
                assert!(gap < 1e-3 * f64::from(largest), "{hops} [{row}, {column}]: {slope} against {closed}");
            }
        }
    }

    /// The closed gradient of a sample against finite differences of its own loss.
    #[test]
    fn a_step_compares_the_nodes_drawn_for_it_and_no_others() {
        let (contrast, hidden) = (Contrast::new(keys(2, 6), &edges(), &[1, 7]), random(3, 2.0));
        let evaluate = |step: &Step<'_>, hidden: &Array2<f32>| {
            let mut gradient = Array2::zeros(hidden.dim());
            let loss = contrast.evaluate(step, &IN_ORDER, hidden.view(), gradient.view_mut());
            (loss, gradient)
        };
        let (loss, gradient) = evaluate(&STEP, &hidden);
        assert_eq!(evaluate(&STEP, &hidden), (loss, gradient.clone()), "the same step, the same nodes");
        let drawn = contrast.draw(&STEP);
        assert_eq!(drawn.len(), 6);
        for (node, slopes) in gradient.rows().into_iter().enumerate() {
            assert_eq!(slopes.iter().any(|&slope| slope != 0.0), drawn.contains(&node), "{node} of {drawn:?}");
            for (column, &closed) in slopes.indexed_iter() {
                let probe = |distance: f32| {
                    let mut moved = hidden.clone();
                    moved[[node, column]] += distance;
                    evaluate(&STEP, &moved).0
                };
                let slope = (probe(1e-2) - probe(-1e-2)) / 2e-2;
                assert!((slope - f64::from(closed)).abs() < 1e-3 * loss, "[{node}, {column}]: {slope}, {closed}");
            }
        }
        let draws =
            |contrast: &Contrast| (0..20).map(|number| contrast.draw(&Step { number, ..STEP })).collect::<Vec<_>>();
        let others = draws(&contrast);
        assert!(others.iter().filter(|&other| *other != drawn).count() > 10, "other steps draw other nodes");
        assert!(others.iter().all(|nodes| nodes.contains(&1) && nodes.contains(&7)), "{others:?}");
        // Too many labels to be part of every step.
        let many = draws(&Contrast::new(keys(2, 6), &edges(), &[1, 3, 5, 7]));
        assert!(many.iter().any(|nodes| !nodes.contains(&1)), "{many:?}");
    }

    /// A batch holds the nodes in any order.
    #[test]
    fn the_order_of_the_rows_changes_no_bit() {
        let (contrast, hidden) = (Contrast::new(keys(2, 6), &edges(), &[1, 7]), random(3, 2.0));
        let mut expected = Array2::zeros(hidden.dim());
        let loss = contrast.evaluate(&STEP, &IN_ORDER, hidden.view(), expected.view_mut());
        // Row `at` of the batch is node `7 at + 3`, so node `i` is in the row that leads there.
        let nodes: Vec<usize> = (0..ROWS).map(|at| (7 * at + 3) % ROWS).collect();
        let mut places = vec![ROWS; ROWS];
        nodes.iter().enumerate().for_each(|(at, &node)| places[node] = at);
        assert!(places.iter().all(|&place| place < ROWS), "every node once");
        let mut found = Array2::zeros(hidden.dim());
        let batch = hidden.select(Axis(0), &nodes);
        assert_eq!(contrast.evaluate(&STEP, &places, batch.view(), found.view_mut()).to_bits(), loss.to_bits());
        assert_eq!(found, expected.select(Axis(0), &nodes));
    }

    #[test]
    fn a_node_of_zeros_and_a_sample_without_neighbours_teach_nothing() {
        let mut hidden = random(3, 2.0);
        hidden.row_mut(2).fill(0.0);
        let mut gradient = Array2::zeros(hidden.dim());
        let contrast = Contrast::new(keys(2, ROWS), &edges(), &[]);
        let loss = contrast.evaluate(&STEP, &IN_ORDER, hidden.view(), gradient.view_mut());
        assert!(loss.is_finite() && gradient.iter().all(|slope| slope.is_finite()));
        assert!(gradient.row(2).iter().all(|&slope| slope == 0.0) && gradient.row(1).iter().any(|&slope| slope != 0.0));
        let mut gradient = Array2::zeros(hidden.dim());
        let none = Contrast::new(keys(2, ROWS), &CsMat::zero((ROWS, ROWS)), &[]);
        assert_eq!(none.evaluate(&STEP, &IN_ORDER, hidden.view(), gradient.view_mut()), 0.0);
        assert!(gradient.iter().all(|&slope| slope == 0.0));
    }
}
