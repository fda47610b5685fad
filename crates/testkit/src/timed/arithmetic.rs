//! Timing arithmetic on one rank: what `cargo bench` and `gears bench` share.
//!
//! | module | idea |
//! |---|---|
//! | [`product`] | the matrix product: the seam, against what could have been behind it |
//! | [`softmax`] | of each row of a matrix |
//! | [`attention`] | any algorithm, forward, backward, or both |
//! | [`multi_head`] | attention with its projections |
//! | [`dtype`] | all of them for `f32` and for `f64` |
//! | [`rule`] | how wrong a result may be, and which part of a big one is looked at |
//!
//! A [`Work`] is one computation on inputs of its own. It knows the answer, so that nothing wrong is timed, and
//! how much there is to compute, so that a time becomes a speed.

pub mod attention;
#[cfg(feature = "dtypes")]
pub mod dtype;
pub mod multi_head;
pub mod product;
pub mod rule;
pub mod softmax;

use super::start::Repeat;
use simd::Float;
use std::time::{Duration, Instant};

/// One computation to time, on inputs of its own.
pub trait Work {
    /// Computes once. What comes of it is dropped before this returns, as a program that goes on would.
    fn call(&mut self);

    /// Computes once, and counts the wrong elements among those that are looked at.
    fn wrong(&mut self) -> usize;

    /// What a call has to do, whatever it does.
    fn amount(&self) -> Amount;

    /// Bytes of what a call returns in memory of its own.
    fn result_bytes(&self) -> usize;
}

/// What there is to do, so that a time becomes a speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// Floating-point operations of its products.
    Flops(f64),
    /// Bytes that must be loaded and stored: each input and each output once.
    Bytes(f64),
}

/// What of a computation is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// The forward pass.
    Forward,
    /// The backward pass alone.
    Backward,
    /// A forward pass and its backward pass, as in a training step.
    Training,
}

impl Pass {
    /// All of them.
    pub const ALL: [Pass; 3] = [Pass::Forward, Pass::Backward, Pass::Training];

    /// What follows the operation in the name of a bench: nothing, `_backward`, `_training`.
    pub fn suffix(self) -> &'static str {
        match self {
            Pass::Forward => "",
            Pass::Backward => "_backward",
            Pass::Training => "_training",
        }
    }
}

/// The time of each call, without those of the warm-up.
pub fn times(work: &mut dyn Work, repeat: Repeat) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut began = None;
    let mut done = 0;
    while repeat.goes_on(done, began) {
        if done == repeat.warm_up {
            began = Some(Instant::now());
        }
        let start = Instant::now();
        work.call();
        times.push(start.elapsed());
        done += 1;
    }
    times.split_off(repeat.warm_up)
}

/// Numbers between -√3 and √3, drawn evenly: of mean 0 and variance 1, as the inputs of a trained network are.
fn numbers<T: Float>(seed: u64) -> impl FnMut() -> T {
    let mut random = fastrand::Rng::with_seed(seed);
    move || T::of((2.0 * random.f64() - 1.0) * 3_f64.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counted(usize);

    impl Work for Counted {
        fn call(&mut self) {
            self.0 += 1;
        }
        fn wrong(&mut self) -> usize {
            0
        }
        fn amount(&self) -> Amount {
            Amount::Bytes(0.0)
        }
        fn result_bytes(&self) -> usize {
            0
        }
    }

    #[test]
    fn the_warm_up_is_not_among_the_times() {
        let mut work = Counted(0);
        assert_eq!(times(&mut work, Repeat { warm_up: 3, ..Repeat::times(4) }).len(), 4);
        assert_eq!(work.0, 7);
    }

    #[test]
    fn a_budget_that_is_spent_ends_it() {
        let mut work = Counted(0);
        let repeat = Repeat { warm_up: 0, at_least: 2, budget: Duration::ZERO, at_most: 9 };
        assert_eq!(times(&mut work, repeat).len(), 2);
    }
}
