//! Data-parallel training: every rank has all the weights and a part of the samples.
//!
//! ```text
//!            samples        gradient                    weights
//! rank 0     its part ────► sum ──┐              ┌────► same step
//! rank 1     its part ────► sum ──┤  all-reduce  ├────► same step
//! rank 2     its part ────► sum ──┘     (Sum)    └────► same step
//! ```
//!
//! Invariant: before each step all ranks hold the same weights, to the bit. They begin with the same, and
//! an all-reduce gives all of them the same sum.
//!
//! Gradients are summed over samples and divided by the batch size once, after the all-reduce. To average
//! the ranks' averages would be wrong: ranks may hold different numbers of samples.

use super::batches::{batches, part};
use super::digits::Digits;
use super::model::{self, WEIGHTS};
use collectives::{AllReduce, Cost, Counts, RunError, Sum, World};
use std::time::{Duration, Instant};

/// What an all-reduce moves: the gradient, and the loss behind it.
pub(super) const REDUCED: usize = WEIGHTS + 1;

const LEARNING_RATE: f32 = 0.1;
const MOMENTUM: f32 = 0.9;

/// How to train.
#[derive(Clone, Copy, Debug)]
pub(super) struct Training {
    /// How gradients are added up.
    pub(super) algorithm: AllReduce,
    /// P.
    pub(super) ranks: usize,
    /// How often to go through the samples.
    pub(super) epochs: usize,
    /// Samples in a global batch, of all ranks together.
    pub(super) batch_size: usize,
    /// For the initial weights.
    pub(super) seed: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Trained {
    /// How it was done.
    pub(super) training: Training,
    /// The mean loss of a sample, for each epoch.
    pub(super) losses: Vec<f32>,
    /// Every rank's weights.
    pub(super) weights: Vec<Vec<f32>>,
    /// What every rank sent.
    pub(super) sent: Vec<Counts>,
    /// How many all-reduces there were.
    pub(super) steps: usize,
    /// How long it took.
    pub(super) time: Duration,
}

impl Training {
    /// Trains. Rank 0 calls `after_epoch` with each epoch's loss.
    pub(super) fn run(&self, digits: &Digits, after_epoch: impl Fn(f32) + Sync) -> Result<Trained, RunError> {
        let start = Instant::now();
        let ends = World::new(self.ranks).counting(true).run(|comm| {
            let batches: Vec<_> = batches(digits.len(), self.batch_size).collect();
            let mut weights = model::initial_weights(self.seed);
            let mut velocity = vec![0.0; WEIGHTS];
            let mut reduced = vec![0.0; REDUCED];
            let mut losses = Vec::with_capacity(self.epochs);
            for _ in 0..self.epochs {
                let mut loss = 0.0;
                for batch in &batches {
                    let (x, labels) = digits.rows(part(batch, comm.size(), comm.rank()));
                    let own_loss = model::loss_and_gradient(&weights, x, labels, &mut reduced[..WEIGHTS]);
                    reduced[WEIGHTS] = own_loss;
                    comm.all_reduce_with(self.algorithm, &mut reduced, &Sum)?;
                    loss += reduced[WEIGHTS];
                    step(&mut weights, &mut velocity, &reduced[..WEIGHTS], batch.len());
                }
                losses.push(loss / digits.len() as f32);
                if comm.rank() == 0 {
                    after_epoch(loss / digits.len() as f32);
                }
            }
            let sent = comm.traffic().unwrap_or_default().total;
            Ok((losses, weights, sent))
        })?;
        let time = start.elapsed();

        let steps = self.epochs * batches(digits.len(), self.batch_size).count();
        let losses = ends[0].0.clone();
        let (weights, sent) = ends.into_iter().map(|(_, weights, sent)| (weights, sent)).unzip();
        Ok(Trained { training: *self, losses, weights, sent, steps, time })
    }

    /// What to call it.
    pub(super) fn title(&self) -> String {
        format!("{}, P = {}", self.algorithm, self.ranks)
    }
}

impl Trained {
    /// What the formula says that a rank has sent, in messages and bytes.
    pub(super) fn expected(&self, rank: usize) -> (u64, u64) {
        let Training { algorithm, ranks, .. } = self.training;
        let Cost { messages, elements, .. } = algorithm.cost(ranks, rank, REDUCED);
        ((messages * self.steps) as u64, (elements * size_of::<f32>() * self.steps) as u64)
    }

    /// Whether all ranks hold the same bits.
    pub(super) fn identical(&self) -> bool {
        let bits = |weights: &[f32]| weights.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        self.weights.iter().all(|weights| bits(weights) == bits(&self.weights[0]))
    }

    /// The largest difference of a weight from another run's. NaN if there is one.
    pub(super) fn difference(&self, other: &Self) -> f32 {
        let pairs = self.weights[0].iter().zip(&other.weights[0]);
        pairs.map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap_or_default()
    }
}

/// Stochastic gradient descent with momentum; `sum` is the gradient's, over the samples of a batch.
fn step(weights: &mut [f32], velocity: &mut [f32], sum: &[f32], samples: usize) {
    for ((weight, velocity), sum) in weights.iter_mut().zip(velocity).zip(sum) {
        *velocity = MOMENTUM * *velocity + sum / samples as f32;
        *weight -= LEARNING_RATE * *velocity;
    }
}

#[cfg(test)]
#[path = "train_tests.rs"]
mod tests;
