//! Ranks along several axes: a communicator for each line of ranks.
//!
//! ```text
//! P = 6 as ring 2 x ulysses 3            ulysses ──►
//!                                   ring   0 1 2       rank 4 is at ring 1, ulysses 1:
//!                                    │     3 4 5       its ring axis is ranks 1, 4; its ulysses axis 3, 4, 5
//!                                    ▼
//! ```
//!
//! The last axis runs fastest: its neighbours are neighbours in the world, which on a cluster are on one
//! machine. So the axis with the most traffic comes last. Any number of axes: a data or a pipeline axis is
//! one more.

use crate::{Error, Result};
use collectives::Communicator;

/// Ranks along several axes, seen by one of them.
pub struct Mesh {
    axes: Vec<Axis>,
}

struct Axis {
    name: &'static str,
    /// Of the ranks that differ from this one along this axis alone.
    line: Communicator,
}

impl Mesh {
    /// Splits a communicator along these axes: a name and a number of ranks for each. All ranks call this.
    ///
    /// ```
    /// use collectives::World;
    /// use parallel::Mesh;
    ///
    /// let places = World::new(6).run(|comm| {
    ///     let mesh = Mesh::new(comm, &[("ring", 2), ("ulysses", 3)])?;
    ///     Ok((mesh.axis("ring").rank(), mesh.axis("ulysses").rank()))
    /// })?;
    /// assert_eq!(places, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
    /// # Ok::<(), collectives::RunError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the numbers don't multiply to the number of ranks, a name occurs twice, or the world has failed.
    #[track_caller]
    pub fn new(comm: &Communicator, axes: &[(&'static str, usize)]) -> Result<Mesh> {
        let product = axes.iter().try_fold(1_usize, |product, &(_, size)| product.checked_mul(size));
        if let Some(i) = (1..axes.len()).find(|&i| axes[..i].iter().any(|axis| axis.0 == axes[i].0)) {
            return Err(Error::AxisTwice(axes[i].0));
        }
        if product != Some(comm.size()) {
            return Err(Error::Mesh { axes: axes.to_vec(), ranks: comm.size() });
        }
        let mut stride = comm.size();
        let mut lines = Vec::with_capacity(axes.len());
        for &(name, size) in axes {
            stride /= size; // ranks to a step along this axis: those of the axes behind it
            let coordinate = comm.rank() / stride % size;
            // A line is known by its first rank.
            let first = comm.rank() - coordinate * stride;
            let line = comm.split(Some(first as u32), coordinate as i64)?.expect("every rank has a color");
            lines.push(Axis { name, line });
        }
        Ok(Mesh { axes: lines })
    }

    /// The ranks that differ from this one along this axis alone, in their order along it.
    ///
    /// # Panics
    ///
    /// If there is no such axis.
    pub fn axis(&self, name: &str) -> &Communicator {
        let axis = self.axes.iter().find(|axis| axis.name == name);
        &axis.unwrap_or_else(|| panic!("the mesh has no axis {name}")).line
    }
}

impl std::fmt::Debug for Mesh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let axes = self.axes.iter().map(|axis| (axis.name, (axis.line.rank(), axis.line.size())));
        f.debug_map().entries(axes).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collectives::{Sum, World};

    #[test]
    fn lines_of_three_axes() {
        let axes = [("data", 2), ("ring", 3), ("ulysses", 2)];
        let sums = World::new(12).run(|comm| {
            let mesh = Mesh::new(comm, &axes)?;
            let mut sums = Vec::new();
            for (name, size) in axes {
                let line = mesh.axis(name);
                assert_eq!(line.size(), size);
                let mut sum = [comm.rank()];
                line.all_reduce(&mut sum, &Sum)?;
                sums.push(sum[0]);
            }
            Ok(sums)
        });
        let sums = sums.unwrap();
        assert_eq!(sums[0], [6, 2 + 4, 1]);
        assert_eq!(sums[11], [5 + 11, 7 + 9 + 11, 10 + 11]);
    }

    #[test]
    fn what_is_no_mesh() {
        for (axes, expected) in [
            (
                &[("ring", 2), ("ulysses", 2)][..],
                "a mesh of ring 2 x ulysses 2 was asked for, and there are 3 ranks",
            ),
            (&[("ring", 0)], "a mesh of ring 0 was asked for, and there are 3 ranks"),
            (&[("ring", 3), ("ring", 1)], "the mesh has two axes of the name ring"),
        ] {
            let errors =
                World::new(3).run(|comm| Ok(Mesh::new(comm, axes).unwrap_err().to_string())).unwrap();
            assert_eq!(errors, [expected; 3]);
        }
    }
}
