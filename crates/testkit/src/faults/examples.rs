//! One example of every kind of error, each from a small program with one mistake in it. They end the same way on
//! every run, so that the notes can show them.

use collectives::{AllReduce, Barrier, Broadcast, Communicator, Gather, Result, RunError, Sum, World};

/// A program that fails.
pub struct Example {
    /// What is wrong with it.
    pub title: &'static str,
    ranks: usize,
    program: fn(&Communicator) -> Result<()>,
    /// Show the whole report, as `unwrap` does, and not only the root cause.
    whole: bool,
}

/// All of them.
pub const EXAMPLES: &[Example] = &[
    Example { title: "One buffer is longer", ranks: 4, program: longer, whole: false },
    Example { title: "One rank forgets a collective", ranks: 3, program: forgets, whole: false },
    Example { title: "Ranks wait for each other in a cycle", ranks: 4, program: cycle, whole: false },
    Example { title: "One rank returns early", ranks: 3, program: returns, whole: false },
    Example { title: "One rank panics", ranks: 4, program: panics, whole: true },
    Example { title: "Nobody receives a message", ranks: 2, program: unreceived, whole: false },
    Example { title: "A call that cannot be", ranks: 2, program: bad_call, whole: false },
];

fn longer(comm: &Communicator) -> Result<()> {
    comm.barrier()?;
    let mut weights = vec![0.0_f32; if comm.rank() == 2 { 10_001 } else { 10_000 }];
    comm.broadcast_with(Broadcast::Flat, &mut weights, 0)
}

fn forgets(comm: &Communicator) -> Result<()> {
    if comm.rank() != 1 {
        let mut losses = vec![0.0_f64; if comm.rank() == 2 { 3 } else { 0 }];
        comm.gather_with(Gather::Linear, &[0.5], &mut losses, 2)?;
    }
    comm.broadcast_with(Broadcast::Flat, &mut [1_u8], 0)
}

fn cycle(comm: &Communicator) -> Result<()> {
    let pair = comm.split(Some(comm.rank() as u32 / 2), 0)?.expect("all have a color");
    let mut arrived = [0.0_f32; 8];
    match comm.rank() {
        0 | 2 => pair.recv(1, &mut arrived)?,
        rank => comm.recv((rank + 1) % 4, &mut arrived)?,
    }
    pair.barrier()
}

fn returns(comm: &Communicator) -> Result<()> {
    for step in 0..3 {
        if comm.rank() == 2 && step == 1 {
            return Ok(()); // "nothing more to do here"
        }
        comm.barrier_with(Barrier::Central)?;
    }
    Ok(())
}

fn panics(comm: &Communicator) -> Result<()> {
    let shards: [&[f32]; 4] = [&[1.0], &[2.0], &[], &[4.0]];
    let mut first = [shards[comm.rank()][0]];
    comm.all_reduce_with(AllReduce::RecursiveDoubling, &mut first, &Sum)
}

fn unreceived(comm: &Communicator) -> Result<()> {
    if comm.rank() == 0 {
        comm.send(1, &[1_u32, 2, 3])?;
    }
    Ok(())
}

fn bad_call(comm: &Communicator) -> Result<()> {
    let mut all = vec![0; if comm.rank() == 1 { 4 } else { 8 }];
    comm.all_gather(&[0_u16; 4], &mut all)
}

impl Example {
    /// What the caller of `World::run` is told.
    ///
    /// # Panics
    ///
    /// If all went well.
    pub fn text(&self) -> String {
        let error: RunError =
            World::new(self.ranks).quiet(true).run(self.program).expect_err("the program is wrong");
        if self.whole { format!("{error:?}") } else { error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::EXAMPLES;

    /// The notes show them word for word.
    #[test]
    fn examples_end_the_same_way_every_time() {
        for example in EXAMPLES {
            let text = example.text();
            for _ in 0..50 {
                assert_eq!(example.text(), text);
            }
        }
    }
}
