//! What stands in for shared columns where ranks can't lend each other their buffers.
//!
//! A rank that asks for shared columns on such a transport makes the call that is named here, with that one's
//! messages, envelope and cost. All ranks get the same answer, so they agree.

use crate::{AllGather, AllReduce, AllToAll, Broadcast, Reduce, ReduceScatter};

impl AllReduce {
    /// The algorithm itself, or what stands in for it.
    pub(crate) fn here(self, lends: bool, commutes: bool) -> Self {
        match self {
            Self::SharedColumns if !lends && commutes => Self::Ring,
            Self::SharedColumns if !lends => Self::HalvingDoubling,
            _ => self,
        }
    }
}

macro_rules! stand_ins {
    ($($ladder:ident: $message:ident;)*) => {$(
        impl $ladder {
            /// The algorithm itself, or what stands in for it.
            pub(crate) fn here(self, lends: bool) -> Self {
                if self == Self::SharedColumns && !lends { Self::$message } else { self }
            }
        }
    )*};
}

stand_ins! {
    Broadcast: Binomial;
    Reduce: ReduceScatterGather;
    AllGather: Ring;
    ReduceScatter: Pairwise;
    AllToAll: Pairwise;
}
