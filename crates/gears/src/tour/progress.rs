//! A progress bar, where there is somebody to see it.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io;

/// A bar of so many epochs on the terminal; draws nothing if stdout isn't one.
///
/// Rank 0 moves it from its own thread. Clear it before anything else is written.
pub(super) fn bar(what: String, epochs: usize) -> io::Result<ProgressBar> {
    let style = ProgressStyle::with_template("  {prefix}  [{bar:30}] epoch {pos}/{len}  {msg}")
        .map_err(io::Error::other)?
        .progress_chars("=> ");
    let bar = ProgressBar::with_draw_target(Some(epochs as u64), ProgressDrawTarget::stdout());
    Ok(bar.with_style(style).with_prefix(what))
}
