//! What a network needs of an instruction set, and nothing else.
//!
//! A vector has 2^`LOG` lanes, and the number of a lane has `LOG` bits, here called *slots*. Two vectors side by
//! side have one bit more, which says which of the two: the *register bit*. Comparing two vectors lane by lane
//! compares along the register bit, and along no other. So all that is needed beside a comparison is a way to
//! bring another bit to where the comparison is:
//!
//! ```text
//! exchange, slot 0    a = a0 a1 a2 a3         a0 b0 a2 b2     a's lanes with a 1 in the slot
//!                     b = b0 b1 b2 b3   ──►   a1 b1 a3 b3     change places with b's that have a 0
//! ```
//!
//! It is one round of a matrix transposition, and on most processors one instruction for each of the two results.

/// The vectors of one instruction set, whose lanes are signed integers of one width.
///
/// The value itself is the proof that the processor has these instructions. Everything here is inlined into the
/// closure of [`vectorise`](Words::vectorise), and is fast only there.
pub(super) trait Words: Copy + Send + Sync {
    /// A signed integer.
    type Word: Copy + Send + Sync + Default;
    /// 2^`LOG` of them.
    type Vector: Copy + Send + Sync;

    /// The number of slots: lg of the number of lanes.
    const LOG: usize;
    /// The least word.
    const LEAST: Self::Word;
    /// The greatest word.
    const GREATEST: Self::Word;

    /// Compiles `f` for these instructions.
    fn vectorise<R>(self, f: impl FnOnce() -> R) -> R;

    /// In each lane the same word.
    fn splat(self, word: Self::Word) -> Self::Vector;

    /// Reads 2^`LOG` words.
    fn load(self, words: &[Self::Word]) -> Self::Vector;

    /// Writes 2^`LOG` words.
    fn store(self, vector: Self::Vector, words: &mut [Self::Word]);

    /// The smaller word of each lane, and the greater.
    fn compare(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector);

    /// The same for words that each bring another with them: `(a, b, with_a, with_b)` come back with their lanes
    /// exchanged where `a` is greater than `b`.
    fn compare_with(self, pairs: [Self::Vector; 4]) -> [Self::Vector; 4];

    /// Exchanges the register bit with a slot.
    fn exchange<const SLOT: usize>(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector);

    /// Reverses the lanes within groups of 2^`bits`. (`bits` is a constant, once inlined.)
    fn reverse(self, bits: usize, a: Self::Vector) -> Self::Vector;

    /// Rotates the slots and the register bit: the register bit goes to slot 0, slot 0 to slot 1, .., the highest
    /// slot to the register. It undoes an exchange with each slot in turn, from the highest to slot 0.
    fn rotate(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector);

    /// Flips the bits `fold` in negative words.
    fn fold(self, a: Self::Vector, fold: Self::Word) -> Self::Vector;

    /// Flips the bits `flip` in all words.
    fn flip(self, a: Self::Vector, flip: Self::Word) -> Self::Vector;
}

/// [`Words::rotate`], where only the lowest `slots` take part.
#[inline(always)]
pub(super) fn rotate_lowest<W: Words>(
    words: W,
    slots: usize,
    mut a: W::Vector,
    mut b: W::Vector,
) -> (W::Vector, W::Vector) {
    macro_rules! slots {
        ($($slot:literal)*) => {$(
            if $slot < slots {
                (a, b) = words.exchange::<$slot>(a, b);
            }
        )*};
    }
    slots!(0 1 2 3 4);
    (a, b)
}
