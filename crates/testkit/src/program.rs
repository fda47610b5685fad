//! Random programs: sequences of operations on nested communicators, the same on all ranks, each result
//! compared with the oracle. What one operation leaves behind, another one finds.

use crate::case::{Case, Operation};
use crate::choice::Choice;
use crate::gear::ladder;
use crate::oracle::oracle;
use crate::suite::Rejection;
use crate::values::{Fill, Value, composition, element};
use collectives::{Communicator, Error, Max, Mean, Min, Product, Reduction, Result, Sum};
use fastrand::Rng;

/// How a program is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Everything follows from it.
    pub seed: u64,
    /// Operations and splits.
    pub steps: usize,
    /// Buffers and blocks have up to this many elements.
    pub longest: usize,
}

/// A communicator, and who is in it: numbers in the world, in rank order.
struct Level {
    comm: Communicator,
    members: Vec<usize>,
}

/// A step as drawn: the same on all ranks, whatever communicator they are in.
#[derive(Clone, Copy)]
struct Step {
    number: usize,
    operation: Operation,
    /// Which algorithm of the ladder; past its end, the plain method.
    rung: usize,
    length: usize,
    uneven: bool,
    root: usize,
    /// Element type and reduction.
    kind: usize,
}

impl Program {
    /// One rank's part. Returns the number of operations whose results it compared.
    ///
    /// # Errors
    ///
    /// The first result that differs from the oracle, or what ended the world.
    pub fn run(&self, world: &Communicator) -> Result<usize> {
        self.run_with(world, || Ok(()))
    }

    /// As [`run`](Self::run), with something to do before every message, collective and split: count them,
    /// nap to get out of step with the other ranks, or fail.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and those of `before`.
    pub fn run_with(&self, world: &Communicator, mut before: impl FnMut() -> Result<()>) -> Result<usize> {
        let mut rng = Rng::with_seed(self.seed);
        let mut levels: Vec<Level> = Vec::new();
        let mut compared = 0;
        for number in 0..self.steps {
            // All draws are made on all ranks, used or not, so that the ranks stay in step.
            let (kind, groups, salt) = (rng.u32(0..100), rng.u32(1..4), rng.u64(..));
            let step = Step {
                number,
                operation: Operation::ALL[rng.usize(0..Operation::ALL.len())],
                rung: rng.usize(0..9),
                length: rng.usize(0..=self.longest),
                uneven: rng.bool(),
                root: rng.usize(..1 << 20),
                kind: rng.usize(0..7),
            };
            match kind {
                0..4 if levels.len() < 3 => {
                    let parent = levels.last().map_or(world, |level| &level.comm);
                    let everyone: Vec<_> = (0..world.size()).collect();
                    let members = levels.last().map_or(&everyone, |level| &level.members);
                    before()?;
                    let level = split(parent, members, groups, salt)?;
                    levels.push(level);
                }
                4..7 => drop(levels.pop()),
                _ => {
                    let everyone: Vec<_> = (0..world.size()).collect();
                    let (comm, members) = match levels.last() {
                        Some(level) => (&level.comm, &level.members),
                        None => (world, &everyone),
                    };
                    before()?;
                    self.shift(comm, members, step)?;
                    before()?;
                    self.step(comm, members, step)?;
                    compared += 1;
                }
            }
        }
        Ok(compared)
    }

    /// A message to a neighbour, between the collectives.
    fn shift(&self, comm: &Communicator, members: &[usize], step: Step) -> Result<()> {
        let (rank, size) = (comm.rank(), comm.size());
        let distance = step.root % size;
        let (to, from) = ((rank + distance) % size, (rank + size - distance) % size);
        let of = |rank: usize| -> Vec<u16> { self.input(step, Fill::Any, members[rank], step.length) };
        let mut arrived = vec![0; step.length];
        comm.send_recv(to, &of(rank), from, &mut arrived)?;
        check(step, arrived == of(from), || "a neighbour's message differs".to_owned())
    }

    fn step(&self, comm: &Communicator, members: &[usize], step: Step) -> Result<()> {
        match step.kind {
            0 => self.typed::<f32>(comm, members, step, Fill::Small, &Sum),
            1 => self.typed::<u16>(comm, members, step, Fill::Any, &Sum),
            2 => self.typed::<f64>(comm, members, step, Fill::Small, &Mean),
            3 => self.typed::<i64>(comm, members, step, Fill::Any, &Max),
            4 => self.typed::<u8>(comm, members, step, Fill::Factors, &Product),
            5 => self.typed::<i128>(comm, members, step, Fill::Any, &Min),
            _ => self.typed::<u64>(comm, members, step, Fill::Any, &composition()),
        }
    }

    fn typed<T: Value>(
        &self,
        comm: &Communicator,
        members: &[usize],
        step: Step,
        fill: Fill,
        op: &dyn Reduction<T>,
    ) -> Result<()> {
        let Step { operation, length, uneven, .. } = step;
        let case = Case { ranks: comm.size(), length, uneven, root: step.root % comm.size() };
        let inputs: Vec<Vec<T>> = (0..case.ranks)
            .map(|rank| self.input(step, fill, members[rank], case.input_length(operation, rank)))
            .collect();
        let rank = comm.rank();
        let mut output = vec![T::any(0xDEAD); case.output_length(operation, rank)];
        let choice =
            ladder(operation).get(step.rung).map_or(Choice::Plain(operation), |&a| Choice::Algorithm(a));
        let supported = choice.supports(&case, op.commutes());
        let choice = if supported { choice } else { Choice::Plain(operation) };
        choice.run(comm, &case, &inputs[rank], &mut output, op)?;
        let expected = oracle(operation, &case, rank, &inputs, op);
        check(step, output == expected, || {
            format!("{choice:?}, {case}: {output:?}, {expected:?} was expected")
        })
    }

    fn input<T: Value>(&self, step: Step, fill: Fill, member: usize, length: usize) -> Vec<T> {
        let seed = self.seed ^ (step.number as u64) << 32;
        (0..length).map(|index| element(fill, seed, member, index)).collect()
    }
}

/// Splits into up to `groups` parts, with the ranks of each in some new order.
fn split(parent: &Communicator, members: &[usize], groups: u32, salt: u64) -> Result<Level> {
    let color = |member: usize| (crate::values::mix(salt, member, 0) % u64::from(groups)) as u32;
    let key = |member: usize| (crate::values::mix(salt, member, 1) % 5) as i64;
    let own = members[parent.rank()];
    let comm = parent.split(Some(color(own)), key(own))?.expect("every rank gave a color");
    let mut mates: Vec<usize> = members.iter().copied().filter(|&m| color(m) == color(own)).collect();
    mates.sort_by_key(|&member| key(member)); // stable
    Ok(Level { comm, members: mates })
}

fn check(step: Step, agrees: bool, detail: impl FnOnce() -> String) -> Result<()> {
    match agrees {
        true => Ok(()),
        false => {
            let detail = format!("step {}: {}", step.number, detail());
            Err(Error::other(Rejection { check: "program", detail }))
        }
    }
}
