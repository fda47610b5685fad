//! Starting ranks.

use crate::{Communicator, Error, Result};
use transport::{Counting, Fault, Faulty, Threads, Transport};

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
#[derive(Clone, Debug)]
pub struct World {
    threads: Threads,
    counting: bool,
    faults: Vec<Fault>,
}

impl World {
    /// A world of so many ranks. Asking for none is an error of [`run`](Self::run).
    pub fn new(ranks: usize) -> Self {
        Self { threads: Threads::new(ranks), counting: false, faults: Vec::new() }
    }

    /// Counts messages, bytes and rounds, for [`Communicator::traffic`].
    pub fn counting(self, counting: bool) -> Self {
        Self { counting, ..self }
    }

    /// Makes every send wait for its receiver, so that a program which needs buffering fails every time.
    pub fn strict(self, strict: bool) -> Self {
        Self { threads: self.threads.strict(strict), ..self }
    }

    /// Doesn't let panics of ranks be printed where they happen: for worlds that fail on purpose. What they said,
    /// and where, stands in the error. (A panic hook that the program sets after its first world takes no notice.)
    pub fn quiet(self, quiet: bool) -> Self {
        Self { threads: self.threads.quiet(quiet), ..self }
    }

    /// Makes a rank misbehave, to see what comes of it. More than one fault may be given.
    ///
    /// ```
    /// use collectives::{Fault, World};
    ///
    /// let error = World::new(4).fault(Fault::skip(2, 1)).run(|comm| {
    ///     comm.barrier()?;
    ///     comm.broadcast(&mut [0; 3], 0)
    /// }).unwrap_err();
    /// assert_eq!(error.divergence().expect("they disagree").odd(), [2]);
    /// ```
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
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
            let mut transport: Box<dyn Transport> = Box::new(endpoint);
            if !self.faults.is_empty() {
                transport = Box::new(Faulty::new(transport, &self.faults));
            }
            if self.counting {
                transport = Box::new(Counting::new(transport));
            }
            main(&Communicator::new(transport))
        })
    }
}
