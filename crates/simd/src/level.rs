//! Which vectors the processor has, and code compiled for them.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// A set of vector instructions that loops are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every processor of the target has.
    Portable,
    /// x86: 256 bits, with fused multiply-add. Most since 2013.
    Avx2,
    /// x86: 512 bits (the subsets F, BW, CD, DQ and VL).
    Avx512,
}

impl Level {
    /// All levels, the narrowest first.
    pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

    /// As the variable `GEARS_SIMD` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    /// The widest level that the processor has. (A build with `--cfg narrow` does as if there were no AVX-512.)
    fn detected() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            if !cfg!(narrow) && pulp::x86::V4::try_new().is_some() {
                return Level::Avx512;
            }
            if pulp::x86::V3::try_new().is_some() {
                return Level::Avx2;
            }
        }
        Level::Portable
    }
}

/// The level in use: the widest that the processor has, or a narrower one that the environment variable
/// `GEARS_SIMD` names (`portable`, `avx2`). It is read once, so that a process keeps to one level.
///
/// # Panics
///
/// If `GEARS_SIMD` names no level, or one that the processor doesn't have.
pub fn level() -> Level {
    match Level::ALL.get(usize::from(LEVEL.load(Relaxed))) {
        Some(&level) => level,
        None => first_asked(),
    }
}

/// The place of the level in [`Level::ALL`], or else that nobody has asked yet.
static LEVEL: AtomicU8 = AtomicU8::new(u8::MAX);

#[cold]
fn first_asked() -> Level {
    let detected = Level::detected();
    let level = match std::env::var("GEARS_SIMD") {
        Err(_) => detected,
        Ok(name) => {
            let Some(asked) = Level::ALL.into_iter().find(|level| level.name() == name) else {
                panic!("GEARS_SIMD is {name:?}, and portable, avx2 or avx512 was expected")
            };
            assert!(asked <= detected, "GEARS_SIMD is {name:?}, and this processor has {}", detected.name());
            asked
        }
    };
    // Of several threads that ask first at once, the first to come here decides for all.
    match LEVEL.compare_exchange(u8::MAX, level as u8, Relaxed, Relaxed) {
        Ok(_) => level,
        Err(decided) => Level::ALL[usize::from(decided)],
    }
}

/// Runs `f`, compiled for the [`level`] in use.
///
/// What `f` calls is compiled so if it is inlined: mark it `#[inline(always)]`. Also the closure itself, if it
/// is large: `vectorised(#[inline(always)] || ...)`. The choice costs some nanoseconds: make it outside a loop.
///
/// ```
/// let mut x = vec![1.0_f32; 1000];
/// simd::vectorised(|| x.iter_mut().for_each(|x| *x = x.mul_add(2.0, 1.0)));
/// assert_eq!(x, [3.0; 1000]);
/// ```
#[inline]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        // `try_new` is a load and a comparison: the processor was asked once.
        match level() {
            Level::Avx512 => {
                if let Some(v4) = pulp::x86::V4::try_new() {
                    return v4.vectorize(f);
                }
            }
            Level::Avx2 => {
                if let Some(v3) = pulp::x86::V3::try_new() {
                    return v3.vectorize(f);
                }
            }
            Level::Portable => {}
        }
    }
    f()
}
