//! The collectives on blocks of different lengths: MPI's `v` forms.
//!
//! `counts[r]` is the length of rank r's block. All ranks give the same counts (except to
//! [`all_to_all_v`](Communicator::all_to_all_v)), so every algorithm works with them, trees included. A
//! hash of them travels with every message, so ranks that mean different counts are told so.

use super::collective::wire_bytes;
use super::{Begin, Communicator, check_length};
use crate::all_to_all::{self, Blocks};
use crate::{
    AllGather, AllToAll, BadCall, Element, Gather, Layout, ReduceScatter, Reduction, Result, Scatter,
};

/// # Blocks of different lengths
impl Communicator {
    /// [`gather`](Self::gather) of blocks of different lengths.
    #[track_caller]
    pub fn gather_v<T: Element>(
        &self,
        input: &[T],
        counts: &[usize],
        output: &mut [T],
        root: usize,
    ) -> Result<()> {
        let algorithm = Gather::choose(self.setting, wire_bytes::<T>(total(counts)));
        self.gather_v_with(algorithm, input, counts, output, root)
    }

    /// [`gather_v`](Self::gather_v) by a given algorithm.
    #[track_caller]
    pub fn gather_v_with<T: Element>(
        &self,
        algorithm: Gather,
        input: &[T],
        counts: &[usize],
        output: &mut [T],
        root: usize,
    ) -> Result<()> {
        self.check_rank("gather_v", "root", root)?;
        let blocks = self.blocks("gather_v", "counts", counts)?;
        check_length("gather_v", "input", input.len(), counts[self.rank()], "the rank's count")?;
        self.check_root_only(
            "gather_v",
            "output",
            output.len(),
            root,
            blocks.total(),
            "the sum of the counts",
        )?;
        let peers = self.begin(T::TYPE, algorithm.call_with_counts(), Begin::of_counts(counts).root(root))?;
        algorithm.run(&peers, input, &blocks, output, root)
    }

    /// [`scatter`](Self::scatter) of blocks of different lengths.
    #[track_caller]
    pub fn scatter_v<T: Element>(
        &self,
        input: &[T],
        counts: &[usize],
        output: &mut [T],
        root: usize,
    ) -> Result<()> {
        let algorithm = Scatter::choose(self.setting, wire_bytes::<T>(total(counts)));
        self.scatter_v_with(algorithm, input, counts, output, root)
    }

    /// [`scatter_v`](Self::scatter_v) by a given algorithm.
    #[track_caller]
    pub fn scatter_v_with<T: Element>(
        &self,
        algorithm: Scatter,
        input: &[T],
        counts: &[usize],
        output: &mut [T],
        root: usize,
    ) -> Result<()> {
        self.check_rank("scatter_v", "root", root)?;
        let blocks = self.blocks("scatter_v", "counts", counts)?;
        check_length("scatter_v", "output", output.len(), counts[self.rank()], "the rank's count")?;
        self.check_root_only(
            "scatter_v",
            "input",
            input.len(),
            root,
            blocks.total(),
            "the sum of the counts",
        )?;
        let peers = self.begin(T::TYPE, algorithm.call_with_counts(), Begin::of_counts(counts).root(root))?;
        algorithm.run(&peers, input, &blocks, output, root)
    }

    /// [`all_gather`](Self::all_gather) of blocks of different lengths.
    #[track_caller]
    pub fn all_gather_v<T: Element>(&self, input: &[T], counts: &[usize], output: &mut [T]) -> Result<()> {
        let algorithm = AllGather::choose(self.setting, wire_bytes::<T>(output.len()));
        self.all_gather_v_with(algorithm, input, counts, output)
    }

    /// [`all_gather_v`](Self::all_gather_v) by a given algorithm.
    #[track_caller]
    pub fn all_gather_v_with<T: Element>(
        &self,
        algorithm: AllGather,
        input: &[T],
        counts: &[usize],
        output: &mut [T],
    ) -> Result<()> {
        let algorithm = algorithm.here(self.setting.lends);
        let blocks = self.blocks("all_gather_v", "counts", counts)?;
        check_length("all_gather_v", "input", input.len(), counts[self.rank()], "the rank's count")?;
        check_length("all_gather_v", "output", output.len(), blocks.total(), "the sum of the counts")?;
        let peers = self.begin(T::TYPE, algorithm.call_with_counts(), Begin::of_counts(counts))?;
        output[blocks.block(self.rank())].copy_from_slice(input);
        algorithm.run(&peers, &blocks, output)
    }

    /// [`reduce_scatter`](Self::reduce_scatter) to blocks of different lengths.
    #[track_caller]
    pub fn reduce_scatter_v<T: Element>(
        &self,
        input: &[T],
        counts: &[usize],
        output: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        let algorithm = ReduceScatter::choose(self.setting, wire_bytes::<T>(input.len()), op.commutes());
        self.reduce_scatter_v_with(algorithm, input, counts, output, op)
    }

    /// [`reduce_scatter_v`](Self::reduce_scatter_v) by a given algorithm.
    #[track_caller]
    pub fn reduce_scatter_v_with<T: Element>(
        &self,
        algorithm: ReduceScatter,
        input: &[T],
        counts: &[usize],
        output: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        let algorithm = algorithm.here(self.setting.lends);
        let blocks = self.blocks("reduce_scatter_v", "counts", counts)?;
        check_length("reduce_scatter_v", "input", input.len(), blocks.total(), "the sum of the counts")?;
        check_length("reduce_scatter_v", "output", output.len(), counts[self.rank()], "the rank's count")?;
        algorithm.check(op)?;
        let begin = Begin::of_counts(counts).reduction(op.name());
        let peers = self.begin(T::TYPE, algorithm.call_with_counts(), begin)?;
        algorithm.run(&peers, input, &blocks, output, op)
    }

    /// [`all_to_all`](Self::all_to_all) of blocks of different lengths: `send_counts[r]` elements go to
    /// rank r, `recv_counts[r]` come from it. What one rank sends another must be what that one takes from
    /// it.
    #[track_caller]
    pub fn all_to_all_v<T: Element>(
        &self,
        input: &[T],
        send_counts: &[usize],
        output: &mut [T],
        recv_counts: &[usize],
    ) -> Result<()> {
        self.all_to_all_v_with(AllToAll::CHOSEN_WITH_COUNTS, input, send_counts, output, recv_counts)
    }

    /// [`all_to_all_v`](Self::all_to_all_v) by a given algorithm; Bruck's has no such form.
    #[track_caller]
    pub fn all_to_all_v_with<T: Element>(
        &self,
        algorithm: AllToAll,
        input: &[T],
        send_counts: &[usize],
        output: &mut [T],
        recv_counts: &[usize],
    ) -> Result<()> {
        let algorithm = algorithm.here(self.setting.lends);
        const CALL: &str = "all_to_all_v";
        algorithm.check_counts()?;
        let [sent, taken] = self.sent_and_taken(CALL, input.len(), send_counts, recv_counts)?;
        check_length(CALL, "output", output.len(), taken.total(), "the sum of recv_counts")?;
        // The ranks' counts differ, so there is nothing to compare but the length of each message.
        let peers = self.begin(T::TYPE, algorithm.call_with_counts(), Begin::of(0))?;
        let blocks = Blocks { sent: &sent, taken: &taken };
        algorithm.run(&peers, input, output, blocks)
    }

    /// [`all_to_all_v`](Self::all_to_all_v) without an output: `look(r, block)` is shown rank r's block where it
    /// lies, this rank's own first, and copies it to where it belongs, or adds it to something. It can't
    /// communicate. `compute` runs while the first block is under way; its result is returned. The messages are
    /// those of the pairwise algorithm, so other ranks may call that.
    ///
    /// ```
    /// use collectives::World;
    ///
    /// // What arrives is written in every other place.
    /// let strided = World::new(3).run(|comm| {
    ///     let mut output = [0; 6];
    ///     let look = |from: usize, block: &[usize]| output[2 * from] = block[0];
    ///     let sum = comm.all_to_all_look(&[comm.rank(); 3], &[1; 3], &[1; 3], look, || 1 + 1)?;
    ///     Ok((output, sum))
    /// })?;
    /// assert_eq!(strided, [([0, 0, 1, 0, 2, 0], 2); 3]);
    /// # Ok::<(), collectives::RunError>(())
    /// ```
    #[track_caller]
    pub fn all_to_all_look<T: Element, R>(
        &self,
        input: &[T],
        send_counts: &[usize],
        recv_counts: &[usize],
        mut look: impl FnMut(usize, &[T]),
        compute: impl FnOnce() -> R,
    ) -> Result<R> {
        let [sent, taken] = self.sent_and_taken("all_to_all_look", input.len(), send_counts, recv_counts)?;
        let peers = self.begin(T::TYPE, AllToAll::Pairwise.call_with_counts(), Begin::of(0))?;
        let (mut compute, mut result) = (Some(compute), None);
        let mut run = || result = compute.take().map(|compute| compute());
        all_to_all::visit(&peers, input, Blocks { sent: &sent, taken: &taken }, &mut look, &mut run)?;
        Ok(result.expect("an exchange that succeeds has run the computation"))
    }

    /// What this rank sends each rank and what it takes from each, checked.
    fn sent_and_taken(
        &self,
        operation: &'static str,
        holds: usize,
        send_counts: &[usize],
        recv_counts: &[usize],
    ) -> Result<[Layout; 2], BadCall> {
        let sent = self.blocks(operation, "send_counts", send_counts)?;
        let taken = self.blocks(operation, "recv_counts", recv_counts)?;
        check_length(operation, "input", holds, sent.total(), "the sum of send_counts")?;
        let (kept, received) = (sent.len(self.rank()), taken.len(self.rank()));
        check_length(operation, "the block kept", kept, received, "the count received")?;
        Ok([sent, taken])
    }

    fn blocks(
        &self,
        operation: &'static str,
        argument: &'static str,
        counts: &[usize],
    ) -> Result<Layout, BadCall> {
        check_length(operation, argument, counts.len(), self.size(), "one count a rank")?;
        Layout::try_of_counts(counts.iter().copied()).ok_or(BadCall::TooLong { operation, argument })
    }
}

/// Elements in all blocks together, or as many as can be counted.
pub(crate) fn total(counts: &[usize]) -> usize {
    counts.iter().fold(0, |sum, &count| sum.saturating_add(count))
}
