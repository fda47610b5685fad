//! A transport around a transport that says how long a rank was in it.
//!
//! What counts is the time from the beginning of a send or receive to its end: waiting for the other rank, copying or
//! adding up what it sent. What is computed while messages are under way doesn't. To pack a buffer before it is sent is
//! no part of it either, nor is what stays on the rank.

use collectives::transport::{Incoming, Operation, Outgoing, Result, Transport};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What a rank did in all of its communicators.
#[derive(Debug, Default)]
pub struct Clock {
    time: Cell<Duration>,
    sent: Cell<usize>,
}

impl Clock {
    /// Begins again at nothing.
    pub fn reset(&self) {
        self.time.set(Duration::ZERO);
        self.sent.set(0);
    }

    /// In sends and receives.
    pub fn time(&self) -> Duration {
        self.time.get()
    }

    /// Bytes sent.
    pub fn sent(&self) -> usize {
        self.sent.get()
    }
}

/// A transport with a clock.
pub struct Clocked {
    inner: Box<dyn Transport>,
    clock: Rc<Clock>,
}

impl Clocked {
    /// Around `inner`.
    pub fn new(inner: Box<dyn Transport>, clock: Rc<Clock>) -> Self {
        Self { inner, clock }
    }
}

impl Transport for Clocked {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn begin(&self, operation: &Operation) -> Result<()> {
        self.inner.begin(operation)
    }

    fn transfer(
        &self,
        operation: &Operation,
        outgoing: Option<Outgoing<'_>>,
        incoming: Option<Incoming<'_>>,
        during: Option<&mut dyn FnMut()>,
    ) -> Result<Option<u32>> {
        let sent = outgoing.as_ref().map_or(0, |outgoing| outgoing.bytes.len());
        let mut computing = Duration::ZERO;
        let start = Instant::now();
        let result = match during {
            None => self.inner.transfer(operation, outgoing, incoming, None),
            Some(compute) => {
                let mut compute = || {
                    let start = Instant::now();
                    compute(); // which may use other communicators: they count for themselves
                    computing += start.elapsed();
                };
                self.inner.transfer(operation, outgoing, incoming, Some(&mut compute))
            }
        };
        self.clock.time.set(self.clock.time() + start.elapsed().saturating_sub(computing));
        self.clock.sent.set(self.clock.sent() + sent);
        result
    }

    fn subworld(&self, members: &[usize], tag: u64) -> Result<Box<dyn Transport>> {
        Ok(Box::new(Clocked::new(self.inner.subworld(members, tag)?, Rc::clone(&self.clock))))
    }
}
