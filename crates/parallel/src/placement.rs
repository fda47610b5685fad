//! Which tokens of a sequence stand on which rank.
//!
//! ```text
//! T = 16, P = 4        token  0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
//! contiguous           rank   0  0  0  0  1  1  1  1  2  2  2  2  3  3  3  3
//! striped                     0  1  2  3  0  1  2  3  0  1  2  3  0  1  2  3
//! zigzag                      0  0  1  1  2  2  3  3  3  3  2  2  1  1  0  0
//! ```
//!
//! Where each token sees all others the placements are the same amount of work. With a causal mask they
//! aren't: the last tokens see the most. Of contiguous shards the last rank has almost twice the average to
//! do, and while keys travel round a ring a rank often has nothing to do but to wait. Striped, and zigzag
//! (chunks r and 2P-1-r: one of the early ones, and the late one that makes up for it), give each rank as
//! much, in every step.
//!
//! T needn't divide by P: chunks differ by one token at most, and shards may be empty. Tokens of a rank stand
//! in ascending order.
//!
//! Sources: Brandon et al., *Striped Attention*, 2023; zigzag: Llama 3 (Grattafiori et al., *The Llama 3 Herd
//! of Models*, 2024), and Zhu's ring-flash-attention, 2024.

use collectives::Layout;

/// Which tokens of a sequence stand on which rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// Runs of tokens that follow each other.
    Contiguous,
    /// Token t on rank t mod P.
    Striped,
    /// Chunks r and 2P-1-r of 2P on rank r.
    Zigzag,
}

impl Placement {
    /// All of them.
    pub const ALL: [Placement; 3] = [Placement::Contiguous, Placement::Striped, Placement::Zigzag];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Placement::Contiguous => "contiguous",
            Placement::Striped => "striped",
            Placement::Zigzag => "zigzag",
        }
    }

    /// The tokens of a rank, in ascending order.
    ///
    /// ```
    /// use parallel::Placement;
    ///
    /// assert_eq!(Placement::Zigzag.tokens(16, 4, 1), [2, 3, 12, 13]);
    /// assert_eq!(Placement::Zigzag.tokens(3, 2, 0), [0]); // chunks of 1, 1, 1 and 0 tokens
    /// ```
    ///
    /// # Panics
    ///
    /// If there are no ranks.
    pub fn tokens(self, total: usize, ranks: usize, rank: usize) -> Vec<usize> {
        match self {
            Placement::Contiguous => Layout::even(total, ranks).block(rank).collect(),
            Placement::Striped => (rank..total).step_by(ranks).collect(),
            Placement::Zigzag => {
                let chunks = Layout::even(total, 2 * ranks);
                chunks.block(rank).chain(chunks.block(2 * ranks - 1 - rank)).collect()
            }
        }
    }

    /// How many tokens a rank has.
    ///
    /// # Panics
    ///
    /// If there are no ranks.
    pub fn count(self, total: usize, ranks: usize, rank: usize) -> usize {
        match self {
            Placement::Contiguous => Layout::even(total, ranks).len(rank),
            Placement::Striped => total.saturating_sub(rank).div_ceil(ranks),
            Placement::Zigzag => {
                let chunks = Layout::even(total, 2 * ranks);
                chunks.len(rank) + chunks.len(2 * ranks - 1 - rank)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_stands_on_one_rank() {
        for placement in Placement::ALL {
            for ranks in 1..=8 {
                for total in 0..=40 {
                    let mut all = Vec::new();
                    for rank in 0..ranks {
                        let tokens = placement.tokens(total, ranks, rank);
                        assert!(tokens.is_sorted(), "{placement:?}");
                        assert_eq!(tokens.len(), placement.count(total, ranks, rank), "{placement:?}");
                        // A zigzag shard is two chunks, which may both be a longer one, or none.
                        let spare = if placement == Placement::Zigzag { 2 } else { 1 };
                        assert!(
                            (total / ranks).abs_diff(tokens.len()) <= spare,
                            "{placement:?} {total} {ranks}"
                        );
                        all.extend(tokens);
                    }
                    all.sort_unstable();
                    assert!(all.into_iter().eq(0..total), "{placement:?}: {total} tokens on {ranks} ranks");
                }
            }
        }
    }
}
