//! The ranks that have the parts of a layer, and those among them that have the same part.
//!
//! With fewer key-value heads than ranks a key-value head is on several ranks ([`HeadMap`]). Each of them
//! gets the gradient of that head's Wk and Wv from its own query heads alone. The gradient is the sum over
//! all query heads of the group, so these ranks add theirs up; else the replicas would drift apart, step by
//! step.
//!
//! ```text
//! H = 8, G = 2, P = 4      query heads      0 1     2 3     4 5     6 7
//!                          ranks            0       1       2       3
//!                          key-value head   0 ◄─Σ─► 0       1 ◄─Σ─► 1
//! ```

use crate::error::expect;
use crate::heads::HeadMap;
use crate::{Error, Float, Result, gradients};
use collectives::{Communicator, Layout};
use ndarray::ArrayViewMutD;
use std::ops::Range;

/// The ranks that have the parts of a layer.
pub struct Ranks<'a> {
    comm: &'a Communicator,
    /// The ranks with the same key-value head as this one, if they are more than one.
    sharers: Option<Communicator>,
}

impl<'a> Ranks<'a> {
    /// All ranks of a communicator, for layers of which no two ranks have the same part. Sends nothing.
    pub fn new(comm: &'a Communicator) -> Ranks<'a> {
        Ranks { comm, sharers: None }
    }

    /// The same for layers with attention of H query and G key-value heads: where G is less than the number
    /// of ranks, those that share a key-value head find each other. All ranks call this, once for all layers
    /// with as many heads.
    ///
    /// ```
    /// use collectives::World;
    /// use parallel::tensor::Ranks;
    ///
    /// World::new(4).run(|comm| {
    ///     let ranks = Ranks::for_heads(comm, 8, 2)?;
    ///     assert_eq!((ranks.size(), ranks.sharers()), (4, 2));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), collectives::RunError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there are more ranks than query heads, or G doesn't divide H: before anything is sent. If the world
    /// has failed.
    #[track_caller]
    pub fn for_heads(comm: &'a Communicator, heads: usize, kv_heads: usize) -> Result<Ranks<'a>> {
        let map = HeadMap::new(heads, kv_heads, comm.size())?;
        if comm.size() <= kv_heads {
            return Ok(Ranks::new(comm));
        }
        let kv_head = map.kv_heads(comm.rank()).start;
        let sharers = comm.split(Some(kv_head as u32), comm.rank() as i64)?;
        Ok(Ranks { comm, sharers: sharers.filter(|sharers| sharers.size() > 1) })
    }

    /// All of them.
    pub fn comm(&self) -> &Communicator {
        self.comm
    }

    /// P.
    pub fn size(&self) -> usize {
        self.comm.size()
    }

    /// This one.
    pub fn rank(&self) -> usize {
        self.comm.rank()
    }

    /// How many ranks have this one's key-value heads.
    pub fn sharers(&self) -> usize {
        self.sharers.as_ref().map_or(1, Communicator::size)
    }

    /// That `own`, of so many things, is what [`Layout::even`] gives this rank: a part that is cut for another
    /// rank, or for another number of them, has the right shapes and gives wrong sums.
    pub(super) fn check_cut(&self, what: &'static str, own: &Range<usize>, of: usize) -> Result<()> {
        let expected = Layout::even(of, self.size()).block(self.rank());
        let because = "first and end, as from_full cuts it for this rank of so many";
        expect(what, &[own.start, own.end], &[expected.start, expected.end], because)
    }

    /// That heads are cut for this rank of so many, and those who share a key-value head know each other.
    pub(super) fn check_heads(&self, map: &HeadMap, rank: usize) -> Result<()> {
        let number = |what, given: usize, expected: String| {
            Err(Error::Layer(layers::Error::Number { what, given: given.to_string(), expected }))
        };
        if map.ranks() != self.size() {
            return number(
                "the number of ranks",
                self.size(),
                format!("{}, as the layer is cut,", map.ranks()),
            );
        }
        if rank != self.rank() {
            return number("the rank", self.rank(), format!("{rank}, as the layer is cut,"));
        }
        let sharers = map.sharers(map.kv_heads(self.rank()).start).len();
        if sharers != self.sharers() {
            let expected = format!("{sharers}, as Ranks::for_heads finds them,");
            return number("the number of ranks with the same key-value head", self.sharers(), expected);
        }
        Ok(())
    }

    /// Adds up what those have who share a key-value head.
    #[track_caller]
    pub(super) fn sum_over_sharers<T: Float>(&self, arrays: Vec<ArrayViewMutD<'_, T>>) -> Result<()> {
        match &self.sharers {
            Some(sharers) => gradients::sum_arrays(sharers, arrays),
            None => Ok(()),
        }
    }
}
