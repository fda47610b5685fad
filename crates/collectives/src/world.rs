//! Starting ranks.

use crate::{Communicator, Error, Result};
use transport::{Counting, Threads};

/// Why a world did not end well.
pub type RunError = transport::RunError<Error>;

/// A world of P ranks, each a thread of this process.
///
/// ```
/// use collectives::{Sum, World};
///
/// let sums = World::new(4).run(|comm| {
///     let mut x = [comm.rank() as f32, 1.0];
///     comm.all_reduce(&mut x, &Sum)?;
///     Ok(x)
/// })?;
/// assert_eq!(sums, [[6.0, 4.0]; 4]);
/// # Ok::<(), collectives::RunError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct World {
    threads: Threads,
    counting: bool,
}

impl World {
    /// A world of so many ranks. Asking for none is an error of [`run`](Self::run).
    pub fn new(ranks: usize) -> Self {
        Self { threads: Threads::new(ranks), counting: false }
    }

    /// Counts messages, bytes and rounds, for [`Communicator::traffic`].
    pub fn counting(self, counting: bool) -> Self {
        Self { counting, ..self }
    }

    /// Makes every send wait for its receiver, so that a program which needs buffering fails every time.
    pub fn strict(self, strict: bool) -> Self {
        Self { threads: self.threads.strict(strict), ..self }
    }

    /// Runs `main` on every rank and returns their values in rank order. The closure may borrow from the
    /// caller; an error of its own kind is wrapped with [`Error::other`].
    ///
    /// # Errors
    ///
    /// The root cause, if any rank panicked or failed, if ranks disagreed or waited for each other in a
    /// cycle, or if a message was sent that nobody received. All threads have ended by then.
    pub fn run<R, F>(&self, main: F) -> Result<Vec<R>, RunError>
    where
        R: Send,
        F: Fn(&Communicator) -> Result<R> + Sync,
    {
        self.threads.run(|endpoint| {
            let transport: Box<dyn transport::Transport> = match self.counting {
                true => Box::new(Counting::new(Box::new(endpoint))),
                false => Box::new(endpoint),
            };
            main(&Communicator::new(transport))
        })
    }
}
