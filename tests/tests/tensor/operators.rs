//! f, g and their bars by themselves: the sums and copies that they are, and that what is called the backward
//! pass of each is its transpose.
//!
//! An operator on the elements of all ranks together is a matrix A, and its backward pass must be Aᵀ: for any
//! x and w, ⟨A x, w⟩ = ⟨x, Aᵀ w⟩. What each rank has of its own counts on each rank; what all ranks have
//! alike is one x, and counts once. Elements are small whole numbers, so that sums are exact in any order.

use crate::case::Way;
use collectives::{Communicator, Layout, World};
use ndarray::{Array3, ArrayView3, Axis, Slice, s};
use parallel::tensor::operators::{
    f, f_backward, f_bar, f_bar_backward, g, g_backward, g_bar, g_bar_backward,
};
use parallel::tensor::{Edges, Ranks};
use proptest::prelude::*;

/// The arrays of all ranks: (B, T, dim), or shards of it.
type OfRanks = Vec<Array3<f64>>;

/// What is tried: arrays as different on every rank as ranks are.
struct Case {
    ranks: usize,
    tokens: usize,
    strict: bool,
    /// (B, T, dim), which all ranks have or have shards of.
    x: Array3<f64>,
    /// Another one.
    w: Array3<f64>,
    /// (B, T, dim) on each rank: partial results, or what ranks say of x.
    parts: OfRanks,
}

impl Case {
    fn new(ranks: usize, shape: (usize, usize, usize), seed: u64) -> Case {
        let rng = &mut fastrand::Rng::with_seed(seed);
        let mut any = || Array3::from_shape_simple_fn(shape, || f64::from(rng.i32(-99..100)));
        let (x, w) = (any(), any());
        let parts = (0..ranks).map(|_| any()).collect();
        Case { ranks, tokens: shape.1, strict: seed.is_multiple_of(2), x, w, parts }
    }

    /// A rank's tokens.
    fn shard(&self, x: &Array3<f64>, rank: usize) -> Array3<f64> {
        let own = Layout::even(self.tokens, self.ranks).block(rank);
        x.slice_axis(Axis(1), Slice::from(own)).to_owned()
    }

    /// Σ of the ranks' parts.
    fn sum(&self) -> Array3<f64> {
        self.parts.iter().fold(Array3::zeros(self.x.dim()), |sum, part| sum + part)
    }

    /// What a call answers on each rank.
    fn run(&self, call: impl Fn(&Communicator) -> parallel::Result<Array3<f64>> + Sync) -> OfRanks {
        World::new(self.ranks).strict(self.strict).run(|comm| Ok(call(comm)?)).unwrap()
    }
}

/// ⟨a, b⟩ of what ranks have of their own: summed over ranks.
fn dot(a: &[Array3<f64>], b: &[Array3<f64>]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| dot_of_one(a, b)).sum()
}

/// ⟨a, b⟩ of what all ranks have alike, and counts once.
fn dot_of_one(a: &Array3<f64>, b: &Array3<f64>) -> f64 {
    assert_eq!(a.dim(), b.dim());
    (a * b).sum()
}

/// What all ranks have alike.
fn one(mut all: OfRanks) -> Array3<f64> {
    assert!(all.iter().all(|array| *array == all[0]), "not the same on all ranks");
    all.remove(0)
}

/// f: a copy for each rank; back, their sum. f̄: the other way round.
fn f_and_its_bar(case: &Case) {
    let copies = case.run(|_| Ok(f(case.x.to_shared()).to_owned()));
    assert_eq!(copies, vec![case.x.clone(); case.ranks]);
    let dx = one(case.run(|comm| f_backward(comm, case.parts[comm.rank()].clone())));
    assert_eq!(dot(&copies, &case.parts), dot_of_one(&case.x, &dx), "f");

    let y = one(case.run(|comm| f_bar(comm, case.parts[comm.rank()].clone())));
    assert_eq!(y, case.sum());
    let d_parts = case.run(|_| Ok(f_bar_backward(case.w.to_shared()).to_owned()));
    assert_eq!(dot_of_one(&y, &case.w), dot(&case.parts, &d_parts), "the bar of f");
}

/// g: all shards for each rank; back, each gets its shard's sum. ḡ: the other way round.
fn g_and_its_bar(case: &Case) {
    let shards: OfRanks = (0..case.ranks).map(|rank| case.shard(&case.x, rank)).collect();
    let wholes = case.run(|comm| g(comm, shards[comm.rank()].view(), case.tokens));
    assert_eq!(wholes, vec![case.x.clone(); case.ranks]);
    let d_shards = case.run(|comm| g_backward(comm, case.parts[comm.rank()].view()));
    assert_eq!(dot(&wholes, &case.parts), dot(&shards, &d_shards), "g");

    let y = case.run(|comm| g_bar(comm, case.parts[comm.rank()].view()));
    let sum = case.sum();
    assert_eq!(y, (0..case.ranks).map(|rank| case.shard(&sum, rank)).collect::<Vec<_>>());
    let dy: OfRanks = (0..case.ranks).map(|rank| case.shard(&case.w, rank)).collect();
    let d_parts = case.run(|comm| g_bar_backward(comm, dy[comm.rank()].view(), case.tokens));
    assert_eq!(dot(&y, &dy), dot(&case.parts, &d_parts), "the bar of g");
}

/// Edges are these, also on one rank, where they move nothing.
fn edges_are_the_operators(case: &Case, edges: Edges) {
    let all = matches!(edges, Edges::AllReduce);
    let outside = |x: &Array3<f64>, rank| if all { x.clone() } else { case.shard(x, rank) };
    let sum = case.sum();
    case.run(|comm| {
        let (ranks, rank) = (&Ranks::new(comm), comm.rank());
        let part = || case.parts[rank].clone();
        assert_eq!(edges.enter(ranks, outside(&case.x, rank).into_shared())?, case.x);
        assert_eq!(edges.leave_backward(ranks, outside(&case.w, rank).into_shared())?, case.w);
        assert_eq!(edges.leave(ranks, part())?, outside(&sum, rank));
        assert_eq!(edges.enter_backward(ranks, part())?, outside(&sum, rank));
        Ok(part())
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Of no sequence or several, and fewer tokens than ranks: empty shards.
    #[test]
    fn each_ones_backward_is_its_transpose(
        ranks in 1..=8_usize,
        shape in (0..=3_usize, 0..10_usize, 1..5_usize),
        seed: u64,
    ) {
        let case = Case::new(ranks, shape, seed);
        f_and_its_bar(&case);
        g_and_its_bar(&case);
        for way in Way::ALL {
            edges_are_the_operators(&case, way.edges(case.tokens));
        }
    }
}

/// Arrays in another order in memory are the same arrays.
#[test]
fn any_order_in_memory() {
    let case = Case::new(3, (2, 5, 4), 1);
    // The same elements, dim outermost.
    let turned = |x: ArrayView3<'_, f64>| -> Array3<f64> {
        x.permuted_axes([2, 0, 1]).as_standard_layout().into_owned().permuted_axes([1, 2, 0])
    };
    let (sum, part) = (case.sum(), |comm: &Communicator| turned(case.parts[comm.rank()].view()));
    assert!(!turned(case.x.view()).is_standard_layout() && turned(case.x.view()) == case.x);
    assert_eq!(one(case.run(|comm| f_bar(comm, part(comm)))), sum);
    let shards = case.run(|comm| g_bar(comm, part(comm).view()));
    let whole = one(case.run(|comm| g(comm, turned(shards[comm.rank()].view()).view(), 5)));
    assert_eq!(whole, sum);
    assert_eq!(shards[1], sum.slice(s![.., 2..4, ..]));
}
