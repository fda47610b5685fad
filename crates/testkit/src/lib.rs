//! What tests, benches and the tour share: the catalogue of all algorithms, the naive reference, inputs, the
//! suite that every algorithm must pass, and the planted mistakes that the suite must reject.
//!
//! | module | idea |
//! |---|---|
//! | [`case`] | one situation to try an operation in: ranks, length, root, counts |
//! | [`choice`] | any call of any collective: by an algorithm, or by the plain method |
//! | [`gear`] | anything that claims to be a collective, and the catalogue of those of `collectives` |
//! | [`values`] | element types, and inputs of which every element depends on rank and index |
//! | [`oracle`] | what the result should be, computed the obvious way |
//! | [`suite`] | what every gear owes |
//! | [`mutants`] | gears with a mistake each |
//! | [`program`] | random sequences of operations on nested communicators |
//! | [`faults`] | one rank misbehaves: all must return, and the error must name it |
//! | [`attention`] | the same for attention: cases, oracle, suite, mutants |
//! | [`parallel`] | attention across ranks as an attention: it owes what every attention owes |
//! | [`sorting`] | the same for sorts: keys, patterns, suites, mutants |
//! | [`timed`] | what `cargo bench` and `gears bench` share: checked answers, a common start |

#[cfg(feature = "arithmetic")]
pub mod attention;
pub mod case;
pub mod choice;
pub mod faults;
pub mod gear;
pub mod mutants;
pub mod oracle;
#[cfg(feature = "arithmetic")]
pub mod parallel;
pub mod program;
#[cfg(feature = "sorting")]
pub mod sorting;
pub mod suite;
pub mod timed;
pub mod values;
