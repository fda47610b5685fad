//! The collectives, on blocks of equal length.

use super::{Begin, Communicator, check_length};
use crate::all_to_all::Blocks;
use crate::{
    AllGather, AllReduce, AllToAll, BadCall, Barrier, Broadcast, Element, ExclusiveScan, Gather, Layout,
    Reduce, ReduceScatter, Reduction, Result, Scan, Scatter,
};
use transport::ElementType;

/// What a barrier's messages carry.
static NOTHING: ElementType = ElementType::of::<u8>("");

/// # Errors of all collectives
///
/// Bad arguments ([`BadCall`] says which) are found before anything is sent and leave the
/// communicator usable. Otherwise the world has failed: ranks disagree, deadlock, or one of them is gone.
impl Communicator {
    /// Waits until all ranks have come.
    #[track_caller]
    pub fn barrier(&self) -> Result<()> {
        self.barrier_with(Barrier::choose(self.setting))
    }

    /// [`barrier`](Self::barrier) by a given algorithm.
    #[track_caller]
    pub fn barrier_with(&self, algorithm: Barrier) -> Result<()> {
        algorithm.check(self.size())?;
        algorithm.run(&self.begin(&NOTHING, algorithm.call(), Begin::of(0))?)
    }

    /// Copies the root's buffer to all.
    #[track_caller]
    pub fn broadcast<T: Element>(&self, buffer: &mut [T], root: usize) -> Result<()> {
        let algorithm = Broadcast::choose(self.setting, wire_bytes::<T>(buffer.len()));
        self.broadcast_with(algorithm, buffer, root)
    }

    /// [`broadcast`](Self::broadcast) by a given algorithm.
    #[track_caller]
    pub fn broadcast_with<T: Element>(
        &self,
        algorithm: Broadcast,
        buffer: &mut [T],
        root: usize,
    ) -> Result<()> {
        let algorithm = algorithm.here(self.setting.lends);
        self.check_rank("broadcast", "root", root)?;
        let peers = self.begin(T::TYPE, algorithm.call(), Begin::of(buffer.len()).root(root))?;
        algorithm.run(&peers, buffer, root)
    }

    /// Combines all ranks' `input`, element by element, into the root's `output`. Elsewhere `output` is
    /// empty.
    #[track_caller]
    pub fn reduce<T: Element>(
        &self,
        input: &[T],
        output: &mut [T],
        op: &dyn Reduction<T>,
        root: usize,
    ) -> Result<()> {
        let algorithm = Reduce::choose(self.setting, wire_bytes::<T>(input.len()));
        self.reduce_with(algorithm, input, output, op, root)
    }

    /// [`reduce`](Self::reduce) by a given algorithm.
    #[track_caller]
    pub fn reduce_with<T: Element>(
        &self,
        algorithm: Reduce,
        input: &[T],
        output: &mut [T],
        op: &dyn Reduction<T>,
        root: usize,
    ) -> Result<()> {
        let algorithm = algorithm.here(self.setting.lends);
        self.check_rank("reduce", "root", root)?;
        self.check_root_only("reduce", "output", output.len(), root, input.len(), "the length of the input")?;
        let begin = Begin::of(input.len()).root(root).reduction(op.name());
        let peers = self.begin(T::TYPE, algorithm.call(), begin)?;
        algorithm.run(&peers, input, output, op, root)
    }

    /// Combines all ranks' buffers, element by element, and gives everyone the result.
    ///
    /// ```
    /// use collectives::{AllReduce, Mean, World};
    ///
    /// let means = World::new(4).run(|comm| {
    ///     let mut gradient = [comm.rank() as f32; 1000];
    ///     comm.all_reduce_with(AllReduce::Ring, &mut gradient, &Mean)?;
    ///     Ok(gradient[999])
    /// })?;
    /// assert_eq!(means, [1.5; 4]);
    /// # Ok::<(), collectives::RunError>(())
    /// ```
    #[track_caller]
    pub fn all_reduce<T: Element>(&self, buffer: &mut [T], op: &dyn Reduction<T>) -> Result<()> {
        let algorithm = AllReduce::choose(self.setting, wire_bytes::<T>(buffer.len()), op.commutes());
        self.all_reduce_with(algorithm, buffer, op)
    }

    /// [`all_reduce`](Self::all_reduce) by a given algorithm.
    #[track_caller]
    pub fn all_reduce_with<T: Element>(
        &self,
        algorithm: AllReduce,
        buffer: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        let algorithm = algorithm.here(self.setting.lends, op.commutes());
        algorithm.check(op)?;
        let begin = Begin::of(buffer.len()).parameter(algorithm.parameter()).reduction(op.name());
        let peers = self.begin(T::TYPE, algorithm.call(), begin)?;
        algorithm.run(&peers, buffer, op)
    }

    /// Puts all ranks' blocks side by side in the root's `output`, P times as long as `input`. Elsewhere
    /// `output` is empty.
    #[track_caller]
    pub fn gather<T: Element>(&self, input: &[T], output: &mut [T], root: usize) -> Result<()> {
        let algorithm =
            Gather::choose(self.setting, self.size().saturating_mul(wire_bytes::<T>(input.len())));
        self.gather_with(algorithm, input, output, root)
    }

    /// [`gather`](Self::gather) by a given algorithm.
    #[track_caller]
    pub fn gather_with<T: Element>(
        &self,
        algorithm: Gather,
        input: &[T],
        output: &mut [T],
        root: usize,
    ) -> Result<()> {
        self.check_rank("gather", "root", root)?;
        let blocks = Layout::even(input.len() * self.size(), self.size());
        self.check_root_only("gather", "output", output.len(), root, blocks.total(), "ranks x input")?;
        let peers = self.begin(T::TYPE, algorithm.call(), Begin::of(input.len()).root(root))?;
        algorithm.run(&peers, input, &blocks, output, root)
    }

    /// Deals out the root's `input`, P times as long as `output`, a block to each rank. Elsewhere `input`
    /// is empty.
    #[track_caller]
    pub fn scatter<T: Element>(&self, input: &[T], output: &mut [T], root: usize) -> Result<()> {
        let algorithm =
            Scatter::choose(self.setting, self.size().saturating_mul(wire_bytes::<T>(output.len())));
        self.scatter_with(algorithm, input, output, root)
    }

    /// [`scatter`](Self::scatter) by a given algorithm.
    #[track_caller]
    pub fn scatter_with<T: Element>(
        &self,
        algorithm: Scatter,
        input: &[T],
        output: &mut [T],
        root: usize,
    ) -> Result<()> {
        self.check_rank("scatter", "root", root)?;
        let blocks = Layout::even(output.len() * self.size(), self.size());
        self.check_root_only("scatter", "input", input.len(), root, blocks.total(), "ranks x output")?;
        let peers = self.begin(T::TYPE, algorithm.call(), Begin::of(output.len()).root(root))?;
        algorithm.run(&peers, input, &blocks, output, root)
    }

    /// Puts all ranks' blocks side by side in everyone's `output`, P times as long as `input`.
    #[track_caller]
    pub fn all_gather<T: Element>(&self, input: &[T], output: &mut [T]) -> Result<()> {
        let algorithm = AllGather::choose(self.setting, wire_bytes::<T>(output.len()));
        self.all_gather_with(algorithm, input, output)
    }

    /// [`all_gather`](Self::all_gather) by a given algorithm.
    #[track_caller]
    pub fn all_gather_with<T: Element>(
        &self,
        algorithm: AllGather,
        input: &[T],
        output: &mut [T],
    ) -> Result<()> {
        let algorithm = algorithm.here(self.setting.lends);
        let blocks = Layout::even(input.len() * self.size(), self.size());
        check_length("all_gather", "output", output.len(), blocks.total(), "ranks x input")?;
        let peers = self.begin(T::TYPE, algorithm.call(), Begin::of(blocks.total()))?;
        output[blocks.block(self.rank())].copy_from_slice(input);
        algorithm.run(&peers, &blocks, output)
    }

    /// Combines all ranks' `input`, element by element, and gives rank r block r of the result. The input
    /// is P times as long as the output; for other lengths see
    /// [`reduce_scatter_v`](Self::reduce_scatter_v).
    #[track_caller]
    pub fn reduce_scatter<T: Element>(
        &self,
        input: &[T],
        output: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        let algorithm = ReduceScatter::choose(self.setting, wire_bytes::<T>(input.len()), op.commutes());
        self.reduce_scatter_with(algorithm, input, output, op)
    }

    /// [`reduce_scatter`](Self::reduce_scatter) by a given algorithm.
    #[track_caller]
    pub fn reduce_scatter_with<T: Element>(
        &self,
        algorithm: ReduceScatter,
        input: &[T],
        output: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        let algorithm = algorithm.here(self.setting.lends);
        let blocks = Layout::even(output.len() * self.size(), self.size());
        check_length("reduce_scatter", "input", input.len(), blocks.total(), "ranks x output")?;
        algorithm.check(op)?;
        let begin = Begin::of(input.len()).reduction(op.name());
        let peers = self.begin(T::TYPE, algorithm.call(), begin)?;
        algorithm.run(&peers, input, &blocks, output, op)
    }

    /// Sends block r of `input` to rank r, and puts the block from rank r in place r of `output`. Both
    /// have the same length, a multiple of P.
    #[track_caller]
    pub fn all_to_all<T: Element>(&self, input: &[T], output: &mut [T]) -> Result<()> {
        let algorithm = AllToAll::choose(self.setting, wire_bytes::<T>(input.len()));
        self.all_to_all_with(algorithm, input, output)
    }

    /// [`all_to_all`](Self::all_to_all) by a given algorithm.
    #[track_caller]
    pub fn all_to_all_with<T: Element>(
        &self,
        algorithm: AllToAll,
        input: &[T],
        output: &mut [T],
    ) -> Result<()> {
        let algorithm = algorithm.here(self.setting.lends);
        let (operation, argument, holds, ranks) = ("all_to_all", "input", input.len(), self.size());
        if !holds.is_multiple_of(ranks) {
            return Err(BadCall::NotAMultiple { operation, argument, holds, ranks }.into());
        }
        check_length("all_to_all", "output", output.len(), input.len(), "the length of the input")?;
        let blocks = Layout::even(input.len(), self.size());
        let blocks = Blocks { sent: &blocks, taken: &blocks };
        let peers = self.begin(T::TYPE, algorithm.call(), Begin::of(input.len()))?;
        algorithm.run(&peers, input, output, blocks)
    }

    /// Gives rank r the combination of ranks 0..=r.
    #[track_caller]
    pub fn scan<T: Element>(&self, buffer: &mut [T], op: &dyn Reduction<T>) -> Result<()> {
        let algorithm = Scan::choose(self.setting, wire_bytes::<T>(buffer.len()));
        self.scan_with(algorithm, buffer, op)
    }

    /// [`scan`](Self::scan) by a given algorithm.
    #[track_caller]
    pub fn scan_with<T: Element>(
        &self,
        algorithm: Scan,
        buffer: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        let begin = Begin::of(buffer.len()).reduction(op.name());
        algorithm.run(&self.begin(T::TYPE, algorithm.call(), begin)?, buffer, op)?;
        op.finish(buffer, self.rank() + 1);
        Ok(())
    }

    /// Gives rank r the combination of ranks 0..r. Rank 0 gets the reduction's
    /// [identity](Reduction::identity); if that has none, its buffer is left as it is.
    #[track_caller]
    pub fn exclusive_scan<T: Element>(&self, buffer: &mut [T], op: &dyn Reduction<T>) -> Result<()> {
        let algorithm = ExclusiveScan::choose(self.setting, wire_bytes::<T>(buffer.len()));
        self.exclusive_scan_with(algorithm, buffer, op)
    }

    /// [`exclusive_scan`](Self::exclusive_scan) by a given algorithm.
    #[track_caller]
    pub fn exclusive_scan_with<T: Element>(
        &self,
        algorithm: ExclusiveScan,
        buffer: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        let begin = Begin::of(buffer.len()).reduction(op.name());
        algorithm.run(&self.begin(T::TYPE, algorithm.call(), begin)?, buffer, op)?;
        match (self.rank(), op.identity()) {
            (0, Some(identity)) => buffer.fill(identity),
            (0, None) => {}
            (rank, _) => op.finish(buffer, rank),
        }
        Ok(())
    }

    /// Checks an argument that only the root has, and that is empty elsewhere.
    pub(super) fn check_root_only(
        &self,
        operation: &'static str,
        argument: &'static str,
        holds: usize,
        root: usize,
        expected: usize,
        because: &'static str,
    ) -> Result<(), BadCall> {
        match self.rank() == root {
            true => check_length(operation, argument, holds, expected, because),
            false => check_length(operation, argument, holds, 0, "only the root has it"),
        }
    }
}

/// What so many elements cost on the wire.
pub(crate) fn wire_bytes<T: Element>(elements: usize) -> usize {
    elements.saturating_mul(T::TYPE.wire_bytes)
}
