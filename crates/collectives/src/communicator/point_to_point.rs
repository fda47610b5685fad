//! Messages between two ranks.

use super::Communicator;
use crate::{Element, Reduction, Result};

/// Messages from one rank to another arrive in the order in which they were sent; there are no tags. They
/// share that order with the collectives: a message sent before a barrier is received before that barrier.
///
/// A short message may be buffered, so that [`send`](Communicator::send) doesn't wait for its receiver;
/// a program must not rely on it. Two ranks that both send first and then receive wait for each other when
/// the messages are long: use [`send_recv`](Communicator::send_recv).
impl Communicator {
    /// Sends to one rank.
    ///
    /// # Errors
    ///
    /// If there is no such rank, or the world has failed.
    #[track_caller]
    pub fn send<T: Element>(&self, to: usize, data: &[T]) -> Result<()> {
        self.check_rank("send", "destination", to)?;
        self.message::<T>().send(to, data)
    }

    /// Receives as many elements as `into` holds from one rank.
    ///
    /// ```
    /// use collectives::World;
    ///
    /// World::new(2).run(|comm| {
    ///     if comm.rank() == 0 {
    ///         comm.send(1, &[3.5_f32, 4.5])
    ///     } else {
    ///         let mut x = [0.0_f32; 2];
    ///         comm.recv(0, &mut x)?;
    ///         assert_eq!(x, [3.5, 4.5]);
    ///         Ok(())
    ///     }
    /// })?;
    /// # Ok::<(), collectives::RunError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such rank, the message has another length or type, or the world has failed.
    #[track_caller]
    pub fn recv<T: Element>(&self, from: usize, into: &mut [T]) -> Result<()> {
        self.check_rank("recv", "source", from)?;
        self.message::<T>().recv(from, into)
    }

    /// Sends to one rank and receives from one (the same or another), both at once.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send) and [`recv`](Self::recv).
    #[track_caller]
    pub fn send_recv<T: Element>(&self, to: usize, data: &[T], from: usize, into: &mut [T]) -> Result<()> {
        self.check_rank("send_recv", "destination", to)?;
        self.check_rank("send_recv", "source", from)?;
        self.message::<T>().send_recv(to, data, from, into)
    }

    /// As [`send_recv`](Self::send_recv), with a computation while both are under way. Returns its result.
    /// The computation may use other communicators, not this one. If it panics, and the panic is caught, a
    /// long message that nobody has begun to read is taken back; a short one has been sent.
    ///
    /// ```
    /// use collectives::World;
    ///
    /// let answers = World::new(3).run(|comm| {
    ///     let (right, left) = ((comm.rank() + 1) % 3, (comm.rank() + 2) % 3);
    ///     let mut block = [0; 4];
    ///     let sum: i32 = comm.send_recv_during(right, &[comm.rank() as i32; 4], left, &mut block, || {
    ///         (1..=10).sum()
    ///     })?;
    ///     Ok((block[0], sum))
    /// })?;
    /// assert_eq!(answers, [(2, 55), (0, 55), (1, 55)]);
    /// # Ok::<(), collectives::RunError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send_recv`](Self::send_recv); the computation has then run or not.
    #[track_caller]
    pub fn send_recv_during<T: Element, R>(
        &self,
        to: usize,
        data: &[T],
        from: usize,
        into: &mut [T],
        compute: impl FnOnce() -> R,
    ) -> Result<R> {
        self.check_rank("send_recv_during", "destination", to)?;
        self.check_rank("send_recv_during", "source", from)?;
        let mut compute = Some(compute);
        let mut result = None;
        self.message::<T>().send_recv_during(to, data, from, into, &mut || {
            result = compute.take().map(|compute| compute());
        })?;
        Ok(result.expect("a transfer that succeeds has run the computation"))
    }

    /// As [`send_recv`](Self::send_recv), without a buffer to receive into: `look` is shown the `count`
    /// elements that arrive where they lie. It can't communicate.
    ///
    /// ```
    /// use collectives::World;
    ///
    /// // Two ranks find the greater of each pair of numbers.
    /// let greater = World::new(2).run(|comm| {
    ///     let (own, partner) = ([[1, 5, 3], [4, 2, 6]][comm.rank()], 1 - comm.rank());
    ///     let mut greater = own;
    ///     comm.send_recv_look(partner, &own, partner, 3, |theirs: &[i32]| {
    ///         greater.iter_mut().zip(theirs).for_each(|(own, theirs)| *own = *theirs.max(own));
    ///     })?;
    ///     Ok(greater)
    /// })?;
    /// assert_eq!(greater, [[4, 5, 6]; 2]);
    /// # Ok::<(), collectives::RunError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send_recv`](Self::send_recv); `look` has then been shown the message or not.
    #[track_caller]
    pub fn send_recv_look<T: Element>(
        &self,
        to: usize,
        data: &[T],
        from: usize,
        count: usize,
        look: impl FnOnce(&[T]),
    ) -> Result<()> {
        self.check_rank("send_recv_look", "destination", to)?;
        self.check_rank("send_recv_look", "source", from)?;
        self.message::<T>().send_recv_with(to, data, from, count, look)
    }

    /// Receives from one rank and combines what arrives with `into`, in one pass: `into = into ∘ received`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn recv_reduce<T: Element>(&self, from: usize, into: &mut [T], op: &dyn Reduction<T>) -> Result<()> {
        self.check_rank("recv_reduce", "source", from)?;
        self.message::<T>().recv_with(from, into.len(), |x| op.fold(into, x))
    }

    /// Sends to one rank and, at once, receives from one and combines: `into = into ∘ received`.
    ///
    /// # Errors
    ///
    /// As [`send_recv`](Self::send_recv).
    #[track_caller]
    pub fn send_recv_reduce<T: Element>(
        &self,
        to: usize,
        data: &[T],
        from: usize,
        into: &mut [T],
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        self.check_rank("send_recv_reduce", "destination", to)?;
        self.check_rank("send_recv_reduce", "source", from)?;
        let count = into.len();
        self.message::<T>().send_recv_with(to, data, from, count, |x| op.fold(into, x))
    }
}
