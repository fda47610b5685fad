//! The ranks that take part in one call, as its algorithm sees them.

mod share;

pub(crate) use share::{Lengths, Loan, cost as share_cost, once, per_rank, updated};

use crate::element::{bytes, copy, view};
use crate::scratch::Scratch;
use crate::{Element, Result};
use transport::{Incoming, Operation, Outgoing, Transport};

/// Typed messages among the ranks 0..P of one call, each in the call's envelope.
///
/// Most calls span the whole communicator. [`subset`](Self::subset) narrows the view to every k-th rank of a
/// range, renumbered from 0, so that an algorithm made of others runs them on part of the ranks.
#[derive(Clone, Copy)]
pub(crate) struct Peers<'a> {
    transport: &'a dyn Transport,
    scratch: &'a Scratch,
    operation: Operation,
    first: usize,
    stride: usize,
    size: usize,
    rank: usize,
}

impl<'a> Peers<'a> {
    #[inline]
    pub(crate) fn new(
        transport: &'a dyn Transport,
        scratch: &'a Scratch,
        operation: Operation,
        rank: usize,
        size: usize,
    ) -> Self {
        Self { transport, scratch, operation, first: 0, stride: 1, size, rank }
    }

    /// The ranks `first, first + stride, ...`, `size` of them, numbered from 0. This rank is one of them.
    pub(crate) fn subset(&self, first: usize, stride: usize, size: usize) -> Self {
        debug_assert!(self.rank >= first && (self.rank - first).is_multiple_of(stride));
        Self {
            first: self.first + first * self.stride,
            stride: self.stride * stride,
            size,
            rank: (self.rank - first) / stride,
            ..*self
        }
    }

    /// P.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// This rank, 0..P.
    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    /// Shows `work` room for so many elements. What stands in it may be of another call.
    pub(crate) fn with_scratch<T: Element, R>(&self, length: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
        self.scratch.with(length, work)
    }

    /// The rank `distance` to the right on the ring of ranks.
    pub(crate) fn right(&self, distance: usize) -> usize {
        (self.rank + distance) % self.size
    }

    /// The rank `distance` to the left on the ring of ranks.
    pub(crate) fn left(&self, distance: usize) -> usize {
        (self.rank + self.size - distance % self.size) % self.size
    }

    /// Sends to one rank.
    pub(crate) fn send<T: Element>(&self, to: usize, data: &[T]) -> Result<()> {
        self.transfer(Some(self.outgoing(to, data)), None::<(usize, usize, fn(&[u8]))>, None)
    }

    /// Receives from one rank.
    pub(crate) fn recv<T: Element>(&self, from: usize, into: &mut [T]) -> Result<()> {
        let incoming = (from, into.len(), |bytes: &[u8]| copy(bytes, into));
        self.transfer(None, Some(incoming), None)
    }

    /// Receives `count` elements from one rank, and looks at them where they lie.
    pub(crate) fn recv_with<T: Element>(
        &self,
        from: usize,
        count: usize,
        look: impl FnOnce(&[T]),
    ) -> Result<()> {
        self.exchange_with(None, from, count, look)
    }

    /// Sends to one rank and receives from one, at once.
    pub(crate) fn send_recv<T: Element>(
        &self,
        to: usize,
        data: &[T],
        from: usize,
        into: &mut [T],
    ) -> Result<()> {
        let incoming = (from, into.len(), |bytes: &[u8]| copy(bytes, into));
        self.transfer(Some(self.outgoing(to, data)), Some(incoming), None)
    }

    /// Sends to one rank and, at once, receives `count` elements from one and looks at them where they lie.
    pub(crate) fn send_recv_with<T: Element>(
        &self,
        to: usize,
        data: &[T],
        from: usize,
        count: usize,
        look: impl FnOnce(&[T]),
    ) -> Result<()> {
        self.exchange_with(Some(self.outgoing(to, data)), from, count, look)
    }

    /// As [`send_recv`](Self::send_recv), with a computation while both are under way.
    pub(crate) fn send_recv_during<T: Element>(
        &self,
        to: usize,
        data: &[T],
        from: usize,
        into: &mut [T],
        compute: &mut dyn FnMut(),
    ) -> Result<()> {
        let incoming = (from, into.len(), |bytes: &[u8]| copy(bytes, into));
        self.transfer(Some(self.outgoing(to, data)), Some(incoming), Some(compute))
    }

    /// As [`send_recv_with`](Self::send_recv_with), with a computation while both are under way.
    pub(crate) fn send_recv_with_during<T: Element>(
        &self,
        to: usize,
        data: &[T],
        from: usize,
        count: usize,
        look: impl FnOnce(&[T]),
        compute: &mut dyn FnMut(),
    ) -> Result<()> {
        let incoming = (from, count, |bytes: &[u8]| view(bytes, count, look));
        self.transfer(Some(self.outgoing(to, data)), Some(incoming), Some(compute))
    }

    fn exchange_with<T: Element>(
        &self,
        outgoing: Option<Outgoing<'_>>,
        from: usize,
        count: usize,
        look: impl FnOnce(&[T]),
    ) -> Result<()> {
        let incoming = (from, count, |bytes: &[u8]| view(bytes, count, look));
        self.transfer(outgoing, Some(incoming), None)
    }

    fn outgoing<'b, T: Element>(&self, to: usize, data: &'b [T]) -> Outgoing<'b> {
        Outgoing { to: self.number(to), bytes: bytes(data), elements: data.len(), stamp: 0 }
    }

    /// What carries the messages, and this call, if the view spans the whole communicator: only then can the ranks
    /// [`share`](Self::share).
    pub(super) fn whole(&self) -> Option<(&'a dyn Transport, &Operation)> {
        (self.size == self.transport.size() && self.stride == 1).then_some((self.transport, &self.operation))
    }

    /// The number in the communicator of rank `peer` of this view.
    fn number(&self, peer: usize) -> usize {
        self.first + peer * self.stride
    }

    fn transfer(
        &self,
        outgoing: Option<Outgoing<'_>>,
        incoming: Option<(usize, usize, impl FnOnce(&[u8]))>,
        during: Option<&mut dyn FnMut()>,
    ) -> Result<()> {
        match incoming {
            None => self.transport.transfer(&self.operation, outgoing, None, during)?,
            Some((from, count, look)) => {
                let mut look = Some(look);
                let mut visit = |bytes: &[u8]| (look.take().expect("a message is shown once"))(bytes);
                let incoming = Incoming { from: self.number(from), elements: count, visit: &mut visit };
                self.transport.transfer(&self.operation, outgoing, Some(incoming), during)?
            }
        };
        Ok(())
    }
}
