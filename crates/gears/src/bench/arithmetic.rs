//! What one rank computes: how fast, next to how fast products are, and in how much memory.
//!
//! | module | idea |
//! |---|---|
//! | [`common`] | the options that all have, and the threads |
//! | [`report`] | one point: checked, timed, compared, written |
//! | [`table`] | for people |
//! | [`softmax`] | of each row of a matrix |
//! | [`attention`] | attention, by any algorithm |
//! | [`multi_head`] | attention with its projections |
//! | [`record`] | the points of attention as files: a table and a plot |

mod attention;
pub(super) mod common;
mod multi_head;
mod record;
mod report;
mod softmax;
mod table;

use std::io::{self, Write};
use testkit::timed::arithmetic::Pass;

#[derive(Clone, Debug, clap::Subcommand)]
#[command(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Softmax of each row of a matrix
    Softmax(softmax::Options),
    /// Scaled dot-product attention: the forward pass
    Attention(attention::Options),
    /// Scaled dot-product attention: the backward pass alone
    AttentionBackward(attention::Options),
    /// Scaled dot-product attention: the forward and the backward pass, as in a training step
    AttentionTraining(attention::Options),
    /// Multi-head self-attention with its projections: the forward pass
    Mha(multi_head::Options),
    /// Multi-head self-attention with its projections: the backward pass alone
    MhaBackward(multi_head::Options),
    /// Multi-head self-attention with its projections: the forward and the backward pass
    MhaTraining(multi_head::Options),
}

/// Measures and reports, point by point. True if no element was wrong.
pub(super) fn run(out: &mut dyn Write, operation: &Operation) -> io::Result<bool> {
    match operation {
        Operation::Softmax(options) => options.run(out),
        Operation::Attention(options) => options.run(out, Pass::Forward),
        Operation::AttentionBackward(options) => options.run(out, Pass::Backward),
        Operation::AttentionTraining(options) => options.run(out, Pass::Training),
        Operation::Mha(options) => options.run(out, Pass::Forward),
        Operation::MhaBackward(options) => options.run(out, Pass::Backward),
        Operation::MhaTraining(options) => options.run(out, Pass::Training),
    }
}
