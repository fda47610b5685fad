//! Sorts: `sort/<algorithm>/P1/<dtype>/<keys>`, on one rank.
//!
//! ```text
//! sort/simd/P1/u32/1024           the library's sort on one thread
//! sort/parallel/P1/f32/1048576    on all cores
//! sort/std/P1/f32/65536           the standard library's, to compare with
//! sort/rayon/P1/u32/65536         rayon's
//! ```

use bitonic::Algorithm;
use testkit::timed::sorting::contender::Contender;
use testkit::timed::sorting::dtype::Dtype;

/// Keys of an array: in the first cache, in the second, and beyond.
pub const LENGTHS: [usize; 3] = [1 << 10, 1 << 16, 1 << 20];

/// Types of which all contenders are measured. Of the others only the library's sort on one thread, and the standard
/// library's.
const TYPES: [&str; 2] = ["u32", "f32"];
const MORE_TYPES: [&str; 4] = ["i32", "u64", "i64", "f64"];

/// One benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Benchmark {
    /// Who sorts.
    pub contender: Contender,
    /// What.
    pub dtype: &'static Dtype,
    /// How many.
    pub length: usize,
}

impl Benchmark {
    /// What follows the operation in its identifier.
    pub fn name(&self) -> String {
        format!("{}/P1/{}/{}", self.contender.name(), self.dtype.name, self.length)
    }
}

/// All benchmarks.
pub fn benchmarks() -> Vec<Benchmark> {
    let simd = Contender::Bitonic(Algorithm::Simd);
    let all = TYPES.into_iter().flat_map(|dtype| Contender::ALL.map(|contender| (dtype, contender)));
    let more =
        MORE_TYPES.into_iter().flat_map(|dtype| [simd, Contender::Std].map(|contender| (dtype, contender)));
    all.chain(more)
        .flat_map(|(name, contender)| {
            let dtype = Dtype::named(name);
            LENGTHS.map(|length| Benchmark { contender, dtype, length })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<String> = benchmarks().iter().map(Benchmark::name).collect();
        for name in ["simd/P1/u32/1024", "rayon/P1/f32/1048576", "std/P1/f64/65536", "std-pairs/P1/u32/65536"]
        {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        let count = names.len();
        assert_eq!(count, LENGTHS.len() * (2 * Contender::ALL.len() + 4 * 2));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
