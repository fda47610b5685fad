//! What an all-reduce can't beat: see [`measure_update`].

use super::time::Micros;
use std::collections::BTreeMap;
use std::io;
use testkit::timed::measure_update;
use testkit::timed::start::Repeat;

/// The update rooflines of this run, each measured when it is first needed.
#[derive(Debug)]
pub(super) struct Rooflines {
    ranks: usize,
    repeat: Repeat,
    /// By the bytes of a rank's buffer.
    micros: BTreeMap<usize, f64>,
}

impl Rooflines {
    pub(super) fn new(ranks: usize, repeat: Repeat) -> Self {
        Self { ranks, repeat, micros: BTreeMap::new() }
    }

    /// Microseconds in which as many threads as ranks update `bytes` each: the median, as it is compared with
    /// one. (The fastest iteration can be twice as fast, when the cache happened to keep what it needed.)
    pub(super) fn micros(&mut self, bytes: usize) -> io::Result<f64> {
        if let Some(&micros) = self.micros.get(&bytes) {
            return Ok(micros);
        }
        let length = bytes.div_ceil(size_of::<f32>());
        let measured = measure_update(self.ranks, length, self.repeat).map_err(io::Error::other)?;
        let micros = Micros::of_calls(&measured).median;
        self.micros.insert(bytes, micros);
        Ok(micros)
    }
}
