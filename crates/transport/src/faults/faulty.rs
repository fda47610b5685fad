//! The layer that does it.

use super::{Fault, FaultKind, Field};
use crate::{ElementType, Envelope, Incoming, Name, Operation, Outgoing, Part, Result, Transport};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Puts a rank's faults between it and the transport inside.
pub struct Faulty {
    inner: Box<dyn Transport>,
    rank: Rc<RankFaults>,
    /// How many collectives the rank is ahead of its program on this communicator: one if it has repeated
    /// one, one less than none if it has left one out.
    shift: Cell<i32>,
    /// Operations that were done a second time here.
    repeated: Cell<u32>,
    doing: RefCell<Doing>,
}

/// What the communicators of a rank share.
struct RankFaults {
    kinds: Vec<FaultKind>,
    transfers: Cell<u64>,
    operations: Cell<u64>,
    delays: RefCell<fastrand::Rng>,
}

/// What is being done to the operation under way.
#[derive(Default)]
enum Doing {
    #[default]
    Nothing,
    LeavingOut,
    Altering(Field),
    /// What it has sent and received so far, to be done once more when it is over.
    Recording(Operation, Vec<Replay>),
}

/// What to repeat.
enum Replay {
    /// The message sent, and whence and how long the one received.
    Transfer { sent: Option<(usize, Vec<u8>, usize)>, received: Option<(usize, usize)> },
    /// What was lent to read and to write, and how many elements others lent.
    Share { row: Vec<(Vec<u8>, Vec<u8>, usize)>, expected: Vec<usize> },
}

impl Faulty {
    /// The faults of this rank around a transport of the world; faults of other ranks are left to them.
    pub fn new(inner: Box<dyn Transport>, faults: &[Fault]) -> Self {
        let own = faults.iter().filter(|fault| fault.rank == inner.rank());
        let kinds: Vec<FaultKind> = own.map(|fault| fault.kind).collect();
        let seed = kinds.iter().find_map(|kind| match kind {
            FaultKind::Delay { seed, .. } => Some(*seed),
            _ => None,
        });
        let delays = RefCell::new(fastrand::Rng::with_seed(seed.unwrap_or(0)));
        let rank = RankFaults { kinds, transfers: Cell::new(0), operations: Cell::new(0), delays };
        Self {
            inner,
            rank: Rc::new(rank),
            shift: Cell::new(0),
            repeated: Cell::new(0),
            doing: RefCell::default(),
        }
    }

    /// The operation as the rank announces it to the others.
    fn announced(&self, operation: &Operation) -> Operation {
        let mut announced = *operation;
        let envelope = &mut announced.envelope;
        if envelope.sequence > 0 {
            envelope.sequence = envelope.sequence.wrapping_add_signed(self.shift.get());
        }
        announced.origin.collectives = announced.origin.collectives.wrapping_add_signed(self.shift.get());
        // Numbers must only tell an operation from the one before.
        announced.origin.operations = announced.origin.operations.wrapping_add(self.repeated.get());
        if let Doing::Altering(field) = *self.doing.borrow() {
            alter(envelope, field, self.inner.size());
        }
        announced
    }

    /// The next operation begins: ends what was done to the last, and looks what to do to this one.
    fn next(&self, operation: &Operation) -> Result<()> {
        self.repeat()?;
        let number = self.rank.operations.get() + 1;
        self.rank.operations.set(number);
        let hit = self.rank.kinds.iter().find_map(|kind| match *kind {
            FaultKind::Skip { operation: n } if n == number => Some(Doing::LeavingOut),
            FaultKind::Alter { operation: n, field } if n == number => Some(Doing::Altering(field)),
            FaultKind::Repeat { operation: n } if n == number => {
                Some(Doing::Recording(*operation, Vec::new()))
            }
            _ => None,
        });
        let doing = hit.unwrap_or_default();
        if matches!(doing, Doing::LeavingOut) && operation.envelope.sequence > 0 {
            self.shift.set(self.shift.get() - 1);
        }
        self.doing.replace(doing);
        Ok(())
    }

    /// Does once more what was recorded.
    fn repeat(&self) -> Result<()> {
        let Doing::Recording(operation, replays) = self.doing.take() else { return Ok(()) };
        self.repeated.set(self.repeated.get() + 1);
        if operation.envelope.sequence > 0 {
            self.shift.set(self.shift.get() + 1);
        }
        let again = self.announced(&operation);
        self.inner.begin(&again)?;
        for replay in replays {
            match replay {
                Replay::Transfer { sent, received } => {
                    let outgoing = (sent.as_ref()).map(|&(to, ref bytes, elements)| Outgoing {
                        to,
                        bytes,
                        elements,
                        stamp: 0,
                    });
                    let mut visit = |_: &[u8]| {};
                    let incoming =
                        received.map(|(from, elements)| Incoming { from, elements, visit: &mut visit });
                    self.inner.transfer(&again, outgoing, incoming, None)?;
                }
                Replay::Share { mut row, expected } => {
                    let parts = row.iter_mut().map(|(read, write, elements)| Part {
                        read,
                        write,
                        elements: *elements,
                        stamp: 0,
                    });
                    let mut row: Vec<Part<'_>> = parts.collect();
                    self.inner.share(&again, &mut row, &|from| expected[from], &mut |_| {})?;
                }
            }
        }
        Ok(())
    }

    /// What happens to a transfer whatever operation it is part of.
    fn before_transfer(&self) {
        let number = self.rank.transfers.get() + 1;
        self.rank.transfers.set(number);
        for kind in &self.rank.kinds {
            match *kind {
                FaultKind::Kill { transfer } if transfer == number => {
                    panic!("a fault killed it instead of transfer {number}")
                }
                FaultKind::Delay { longest, .. } => {
                    std::thread::sleep(longest.mul_f64(self.rank.delays.borrow_mut().f64()));
                }
                _ => {}
            }
        }
    }
}

/// Makes an envelope differ.
fn alter(envelope: &mut Envelope, field: Field, ranks: usize) {
    static SUM: Name = Name("sum");
    static MAX: Name = Name("max");
    static F32: ElementType = ElementType::of::<f32>("f32");
    static I32: ElementType = ElementType::of::<i32>("i32");
    match field {
        Field::Length => envelope.length = envelope.length.wrapping_add(1),
        Field::Parameter if envelope.call.parameter == "root" => {
            envelope.parameter = (envelope.parameter + 1) % ranks as u32;
        }
        Field::Parameter if envelope.call.parameter.is_empty() => {}
        Field::Parameter => envelope.parameter = envelope.parameter.wrapping_add(1),
        Field::Element => envelope.element = if *envelope.element == F32 { &I32 } else { &F32 },
        Field::Reduction if envelope.reduction.0.is_empty() => {}
        Field::Reduction => envelope.reduction = if *envelope.reduction == SUM { &MAX } else { &SUM },
    }
}

impl Transport for Faulty {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn begin(&self, operation: &Operation) -> Result<()> {
        self.next(operation)?;
        match *self.doing.borrow() {
            Doing::LeavingOut => Ok(()),
            _ => self.inner.begin(&self.announced(operation)),
        }
    }

    fn transfer(
        &self,
        operation: &Operation,
        mut outgoing: Option<Outgoing<'_>>,
        mut incoming: Option<Incoming<'_>>,
        during: Option<&mut dyn FnMut()>,
    ) -> Result<Option<u32>> {
        let is_message = operation.envelope.sequence == 0;
        if is_message {
            self.next(operation)?;
        }
        if matches!(*self.doing.borrow(), Doing::LeavingOut) {
            // The algorithm counts on a message.
            if let Some(compute) = during {
                compute();
            }
            if let Some(Incoming { elements, visit, .. }) = incoming {
                visit(&vec![0; elements * operation.envelope.element.memory_bytes]);
            }
            return Ok(None);
        }
        match &mut *self.doing.borrow_mut() {
            Doing::Altering(Field::Length) if is_message => {
                // A message has no other length than its own.
                outgoing = outgoing.map(|o| Outgoing { elements: o.elements + 1, ..o });
                incoming = incoming.map(|i| Incoming { elements: i.elements + 1, ..i });
            }
            Doing::Recording(_, replays) => replays.push(Replay::Transfer {
                sent: outgoing.as_ref().map(|o| (o.to, o.bytes.to_vec(), o.elements)),
                received: incoming.as_ref().map(|i| (i.from, i.elements)),
            }),
            _ => {}
        }
        self.before_transfer();
        self.inner.transfer(&self.announced(operation), outgoing, incoming, during)
    }

    fn lends(&self) -> bool {
        self.inner.lends()
    }

    fn oversubscribed(&self) -> bool {
        self.inner.oversubscribed()
    }

    /// To share is one transfer. Left out, it is not worked on at all.
    fn share(
        &self,
        operation: &Operation,
        row: &mut [Part<'_>],
        expected: &dyn Fn(usize) -> usize,
        work: &mut dyn FnMut(&mut [Part<'_>]),
    ) -> Result<()> {
        match &mut *self.doing.borrow_mut() {
            Doing::LeavingOut => return Ok(()),
            Doing::Recording(_, replays) => replays.push(Replay::Share {
                row: row
                    .iter()
                    .map(|part| (part.read.to_vec(), part.write.to_vec(), part.elements))
                    .collect(),
                expected: (0..row.len()).map(expected).collect(),
            }),
            _ => {}
        }
        self.before_transfer();
        self.inner.share(&self.announced(operation), row, expected, work)
    }

    fn subworld(&self, members: &[usize], tag: u64) -> Result<Box<dyn Transport>> {
        if let Doing::LeavingOut = *self.doing.borrow() {
            panic!("a rank that leaves out a split has no communicator to go on with");
        }
        Ok(Box::new(Self {
            inner: self.inner.subworld(members, tag)?,
            rank: Rc::clone(&self.rank),
            shift: Cell::new(0),
            repeated: Cell::new(0),
            doing: RefCell::default(),
        }))
    }

    fn traffic(&self) -> Option<crate::Traffic> {
        self.inner.traffic()
    }

    fn reset_traffic(&self) {
        self.inner.reset_traffic();
    }
}

/// An operation that was to be done twice and was the last is done again at the end.
impl Drop for Faulty {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // If that fails, the world has failed, and says so.
            let _ = self.repeat();
        }
    }
}
