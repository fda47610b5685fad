//! What an algorithm sends: exact closed forms, held against counted traffic by the test suite.

/// What one rank sends in one call, and how many rounds the call takes.
///
/// Every algorithm has a function `cost` beside it that gives this for any number of ranks P, any rank r
/// and any length N. Bytes are elements times the element type's bytes on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Messages that this rank sends.
    pub messages: usize,
    /// Elements that it sends.
    pub elements: usize,
    /// Steps until the last rank is done, when a rank can send one message and receive one at a time.
    pub rounds: usize,
}

impl Cost {
    /// The cost of this and then `next`.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self {
            messages: self.messages + next.messages,
            elements: self.elements + next.elements,
            rounds: self.rounds + next.rounds,
        }
    }
}

/// The least k with 2^k >= p: rounds until something that one rank knows can have reached p ranks.
pub fn ceil_log2(p: usize) -> usize {
    p.next_power_of_two().trailing_zeros() as usize
}
