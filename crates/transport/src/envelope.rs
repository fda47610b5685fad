//! What travels with every message.
//!
//! MPI matches messages by tag and leaves the rest to hope: a receive of the wrong type or length, or a
//! rank that is one collective ahead, gives wrong numbers or a hang. Here every message says what it is
//! part of, and the receiver compares that with what it expects, always. It costs 48 bytes in a cache
//! line that moves anyway. The names are thin pointers to statics, equal in all ranks that run the same
//! code, so the comparison is a few integer compares.

use std::fmt;

/// A name that lives as long as the program, as a thin pointer: `&Name("sum")`.
#[derive(Debug, PartialEq, Eq)]
pub struct Name(pub &'static str);

/// An operation and the algorithm that carries it out.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// What the program called, e.g. `all_reduce`.
    pub operation: &'static str,
    /// How it is done, e.g. `ring`; empty where there is only one way.
    pub algorithm: &'static str,
    /// What [`Envelope::parameter`] means, e.g. `root`; empty if nothing.
    pub parameter: &'static str,
    /// Whether [`Envelope::length`] is a hash of the counts of all ranks, because blocks differ in length.
    pub counts: bool,
}

impl Call {
    /// A call without algorithm, parameter and counts.
    pub const fn new(operation: &'static str) -> Self {
        Self { operation, algorithm: "", parameter: "", counts: false }
    }
}

/// What an element is, as far as a transport needs to know.
#[derive(Debug, PartialEq, Eq)]
pub struct ElementType {
    /// For comparing and for errors, e.g. `f32`; empty for the element of messages that carry nothing.
    pub name: &'static str,
    /// Bytes that one element costs on a wire.
    pub wire_bytes: usize,
    /// Bytes that it takes in memory. An element may be zero-sized and stand for a larger one.
    pub memory_bytes: usize,
}

impl ElementType {
    /// What elements of type `T` are, if they cost on a wire what they take in memory.
    pub const fn of<T>(name: &'static str) -> Self {
        Self { name, wire_bytes: size_of::<T>(), memory_bytes: size_of::<T>() }
    }
}

/// What a message is part of, from its sender's point of view, or what its receiver expects.
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    /// Operation and algorithm.
    pub call: &'static Call,
    /// The type of the elements.
    pub element: &'static ElementType,
    /// The reduction, for operations that reduce.
    pub reduction: &'static Name,
    /// How many collective operations this rank had begun on the communicator before; 0 for a message
    /// that is no part of a collective.
    pub sequence: u32,
    /// What else the ranks must agree on: the root, or a parameter of the algorithm. The call says which.
    pub parameter: u32,
    /// The length of the whole call, in elements, or a hash of all ranks' counts.
    pub length: u64,
    /// The length of this message, in elements.
    pub elements: u64,
}

/// [`Envelope::reduction`] of an operation that doesn't reduce.
pub(crate) static NO_REDUCTION: Name = Name("");

impl Envelope {
    /// An envelope without reduction and parameter, for a message that is a whole call by itself.
    pub fn new(call: &'static Call, element: &'static ElementType, length: usize) -> Self {
        Self {
            call,
            element,
            reduction: &NO_REDUCTION,
            sequence: 0,
            parameter: 0,
            length: length as u64,
            elements: length as u64,
        }
    }

    /// The same call, for a message of so many elements.
    pub fn with_elements(self, elements: usize) -> Self {
        Self { elements: elements as u64, ..self }
    }

    /// What the message costs on a wire, in bytes.
    pub fn wire_bytes(&self) -> u64 {
        self.elements * self.element.wire_bytes as u64
    }

    /// Whether a message in this envelope is the one that `expected` describes.
    #[inline]
    pub fn matches(&self, expected: &Self) -> bool {
        self.elements == expected.elements && self.agrees(expected)
    }

    /// Whether both are of the same call, meant alike: everything but the length of the message.
    #[inline]
    pub fn agrees(&self, other: &Self) -> bool {
        self.sequence == other.sequence
            && self.parameter == other.parameter
            && self.length == other.length
            && same(self.call, other.call)
            && same(self.element, other.element)
            && same(self.reduction, other.reduction)
    }
}

/// Equal pointers are the rule (all ranks run the same code); equal contents decide.
#[inline]
fn same<T: PartialEq>(a: &'static T, b: &'static T) -> bool {
    #[cold]
    fn equal<T: PartialEq>(a: &T, b: &T) -> bool {
        a == b
    }
    std::ptr::eq(a, b) || equal(a, b)
}

/// What it is, without its place in the order of collectives.
impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.call.operation)?;
        if !self.call.algorithm.is_empty() {
            write!(f, "/{}", self.call.algorithm)?;
        }
        // A message that is no part of a collective has no other length than its own.
        let length = if self.sequence == 0 { self.elements } else { self.length };
        match self.element.name {
            "" => {}
            name if !self.call.counts => write!(f, " of {length} {name}")?,
            name if length == 0 => write!(f, " of {name}")?,
            name => write!(f, " of {name}, counts with hash {length:x}")?,
        }
        if !self.reduction.0.is_empty() {
            write!(f, ", reduction {}", self.reduction.0)?;
        }
        if !self.call.parameter.is_empty() {
            write!(f, ", {} {}", self.call.parameter, self.parameter)?;
        }
        if self.elements != length {
            write!(f, ", message of {}", self.elements)?;
        }
        Ok(())
    }
}
