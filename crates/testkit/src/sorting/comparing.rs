//! What a sort by a comparison owes, that compares and swaps items where they lie.
//!
//! | check | what must hold |
//! |---|---|
//! | `items` | anything is sorted: strings, boxes, nothing at all; what is equal comes in the same order every time |
//! | `oblivious` | the wires compared don't depend on the items, nor on what the comparison answers |
//! | `network` | they are those of the bitonic network, and on each wire in its order |
//! | `answers` | whatever the comparison answers, the sort ends, and every item is there once |
//! | `panics` | so it is if the comparison panics, and the panic comes through |
//!
//! Which wires are compared is read off the addresses of the two items: a comparator compares them where they lie.

mod items;
mod wires;

pub use wires::network_of;

use super::{Check, ComparisonGear};

/// The whole suite.
pub fn checks<G: ComparisonGear>() -> Vec<Check<G>> {
    vec![
        Check { name: "items", run: items::items },
        Check { name: "oblivious", run: wires::oblivious },
        Check { name: "network", run: wires::network },
        Check { name: "answers", run: items::answers },
        Check { name: "panics", run: items::panics },
    ]
}
