//! Rotary positions: a query and a key are turned by angles that grow with their positions.
//!
//! The first R of D elements of each head are taken as R/2 points of a plane. At position p, point i is
//! turned by p θᵢ, with θ₀ = 1 > θ₁ > ...: the hands of clocks, from fast to slow. The dot product of a
//! turned query and a turned key then depends on the *difference* of their positions:
//!
//! ```text
//! (R(p) q) · (R(s) k)  =  q · R(s - p) k            R(p): turns by p θ
//!
//!      │  ╱ q at p = 2                      which elements make a point (R = 6)
//!      │ ╱╱ q at p = 1                      interleaved  (x₀ x₁) (x₂ x₃) (x₄ x₅)      GPT-J, RoFormer
//!      │╱╱─── q at p = 0                    half-split   (x₀ x₃) (x₁ x₄) (x₂ x₅)      GPT-NeoX, Llama in HF's format
//! ─────┼──────
//! ```
//!
//! The backward pass turns the gradients back. Nothing is saved: rotations are undone by rotations. The
//! cosines and sines of all positions are computed once, in f64 (in f32 an angle of 100,000 would be wrong by
//! 0.004), and rounded. Cost: 6 operations a point.
//!
//! Source: Su et al., *RoFormer: Enhanced Transformer with Rotary Position Embedding*, 2021.

mod frequencies;
#[cfg(test)]
mod tests;

pub use frequencies::{Frequencies, Scaling};

use crate::error::expect;
use crate::{Error, Float, Result, Threads, rows};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut4, Axis};

/// Which elements of a head make a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Convention {
    /// Neighbours: elements 2i and 2i + 1.
    Interleaved,
    /// Elements i and i + R/2.
    HalfSplit,
}

/// Where tokens stand in their sequences. On a rank that holds a part of a sequence these are the positions
/// in the whole.
#[derive(Clone, Copy, Debug)]
pub enum Positions<'a> {
    /// This one, the next, and so on; in all sequences the same.
    From(usize),
    /// T positions, in all sequences the same.
    Each(&'a [usize]),
    /// (B, T): those of each sequence.
    PerSequence(ArrayView2<'a, usize>),
}

impl Default for Positions<'_> {
    /// From 0.
    fn default() -> Self {
        Positions::From(0)
    }
}

impl Positions<'_> {
    fn at(&self, sequence: usize, token: usize) -> usize {
        match self {
            Positions::From(first) => first + token,
            Positions::Each(positions) => positions[token],
            Positions::PerSequence(positions) => positions[(sequence, token)],
        }
    }

    /// That there is one for each token, and that all are below a limit.
    fn check(&self, sequences: usize, tokens: usize, limit: usize) -> Result<()> {
        let because = "there is one position for each token";
        let highest = match self {
            Positions::From(first) => tokens.checked_sub(1).map(|last| first.saturating_add(last)),
            Positions::Each(positions) => {
                expect("the array of positions", &[positions.len()], &[tokens], because)?;
                positions.iter().max().copied()
            }
            Positions::PerSequence(positions) => {
                expect("the array of positions", positions.shape(), &[sequences, tokens], because)?;
                positions.iter().max().copied()
            }
        };
        match highest.filter(|&highest| highest >= limit && sequences > 0) {
            Some(index) => Err(Error::Index { what: "position", index, count: limit }),
            None => Ok(()),
        }
    }
}

/// The rotations of all positions up to a limit. Not a parameter: nothing in it is learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotary<T> {
    convention: Convention,
    /// (positions, R/2).
    cos: Array2<T>,
    /// (positions, R/2).
    sin: Array2<T>,
}

impl<T: Float> Rotary<T> {
    /// Those of positions 0 to `positions` - 1.
    ///
    /// ```
    /// use layers::{Threads, rotary::{Convention, Frequencies, Positions, Rotary}};
    /// use ndarray::Array4;
    ///
    /// let rotary = Rotary::<f64>::new(&Frequencies::new(2, 10_000.0)?, Convention::HalfSplit, 100);
    /// let mut x = Array4::from_shape_fn((1, 1, 2, 2), |(.., d)| [1.0, 0.0][d]); // (B, H, T, D)
    /// rotary.rotate(x.view_mut(), Positions::From(3), Threads::ONE)?;
    /// assert_eq!(x.as_slice().unwrap(), [3_f64.cos(), 3_f64.sin(), 4_f64.cos(), 4_f64.sin()]);
    /// # Ok::<(), layers::Error>(())
    /// ```
    pub fn new(frequencies: &Frequencies, convention: Convention, positions: usize) -> Rotary<T> {
        let of = |f: fn(f64) -> f64| {
            Array2::from_shape_fn((positions, frequencies.of_points().len()), |(position, point)| {
                T::of(f(position as f64 * frequencies.of_points()[point]))
            })
        };
        Rotary { convention, cos: of(f64::cos), sin: of(f64::sin) }
    }

    /// R: how many elements of each head are turned; those past them stay as they are.
    pub fn dims(&self) -> usize {
        2 * self.cos.ncols()
    }

    /// How many positions there are.
    pub fn positions(&self) -> usize {
        self.cos.nrows()
    }

    /// Which elements make a point.
    pub fn convention(&self) -> Convention {
        self.convention
    }

    /// Turns queries or keys (B, H, T, D) where they lie, by the angles of their positions.
    ///
    /// # Errors
    ///
    /// If D is less than R, if there isn't one position for each token, or if one is past the last.
    pub fn rotate(&self, x: ArrayViewMut4<'_, T>, positions: Positions<'_>, threads: Threads) -> Result<()> {
        self.turn(x, positions, T::one(), threads)
    }

    /// Turns them back: the backward pass, for the gradients of what was turned.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub fn rotate_back(
        &self,
        x: ArrayViewMut4<'_, T>,
        positions: Positions<'_>,
        threads: Threads,
    ) -> Result<()> {
        self.turn(x, positions, -T::one(), threads)
    }

    /// That x (B, H, T, D) can be turned.
    pub(crate) fn check(&self, shape: [usize; 4], positions: Positions<'_>) -> Result<()> {
        let [sequences, heads, tokens, head_dim] = shape;
        if head_dim < self.dims() {
            let because = "at least as many elements as are turned";
            return expect("x", &shape, &[sequences, heads, tokens, self.dims()], because);
        }
        positions.check(sequences, tokens, self.positions())
    }

    fn turn(
        &self,
        mut x: ArrayViewMut4<'_, T>,
        positions: Positions<'_>,
        sign: T,
        threads: Threads,
    ) -> Result<()> {
        self.check(x.dim().into(), positions)?;
        for (sequence, mut heads) in x.outer_iter_mut().enumerate() {
            let threads = rows::worthwhile(threads, heads.len());
            let tasks = heads.axis_chunks_iter_mut(Axis(1), rows::BLOCK).enumerate();
            threads.for_each(tasks, |(block, mut heads)| {
                // Token by token: mostly all heads of a token lie together.
                for (token, mut heads) in heads.axis_iter_mut(Axis(1)).enumerate() {
                    let position = positions.at(sequence, block * rows::BLOCK + token);
                    let (cos, sin) = (self.cos.row(position), self.sin.row(position));
                    for mut row in heads.outer_iter_mut() {
                        match row.as_slice_mut() {
                            Some(row) => self.turn_row(row, rows::slice(&cos), rows::slice(&sin), sign),
                            None => {
                                let mut copy = row.to_vec();
                                self.turn_row(&mut copy, rows::slice(&cos), rows::slice(&sin), sign);
                                row.assign(&ArrayView1::from(&copy));
                            }
                        }
                    }
                }
            });
        }
        Ok(())
    }

    /// Turns one head of one token.
    fn turn_row(&self, row: &mut [T], cos: &[T], sin: &[T], sign: T) {
        let (row, angles) = (&mut row[..self.dims()], cos.iter().zip(sin));
        let turned = |a: T, b: T, cos: T, sin: T| (a * cos - b * (sign * sin), b * cos + a * (sign * sin));
        simd::vectorised(
            #[inline(always)]
            || match self.convention {
                Convention::Interleaved => {
                    for (point, (&cos, &sin)) in row.as_chunks_mut::<2>().0.iter_mut().zip(angles) {
                        (point[0], point[1]) = turned(point[0], point[1], cos, sin);
                    }
                }
                Convention::HalfSplit => {
                    let (first, second) = row.split_at_mut(cos.len());
                    for ((a, b), (&cos, &sin)) in first.iter_mut().zip(second).zip(angles) {
                        (*a, *b) = turned(*a, *b, cos, sin);
                    }
                }
            },
        );
    }
}
