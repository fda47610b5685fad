//! The loops of the built-in reductions, against their definition one element at a time.
//!
//! Every operation on every type, of 1 to 5 inputs, of every length to 70 (so that vectors of any width have a rest)
//! and around that of a block: bit for bit, but for the payloads of NaN. And the same again without wide vectors.

use collectives::*;
use half::{bf16, f16};
use std::process::Command;

/// What the tests need to know of a type.
trait Tested: Number + std::fmt::Debug {
    /// The values at the edges of the type, and some between.
    fn special() -> Vec<Self>;
    /// From random bits.
    fn random(bits: u128) -> Self;
    /// Whether it is NaN.
    fn nan(self) -> bool {
        false
    }
    /// What several inputs make: accumulated as the documentation of `Number` says.
    fn accumulated(op: Op, inputs: &[Self]) -> Self;
}

/// The five operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Sum,
    Product,
    Min,
    Max,
    Mean,
}

impl Op {
    const ALL: [Op; 5] = [Op::Sum, Op::Product, Op::Min, Op::Max, Op::Mean];

    fn reduction<T: Number>(self) -> &'static dyn Reduction<T> {
        match self {
            Op::Sum => &Sum,
            Op::Product => &Product,
            Op::Min => &Min,
            Op::Max => &Max,
            Op::Mean => &Mean,
        }
    }
}

/// In the elements' own type: step by step, the mean divided by `over`.
fn one_at_a_time<T: Number>(op: Op, inputs: &[T]) -> T {
    let sum =
        inputs.iter().copied().reduce(|left, right| op.reduction().apply(left, right)).expect("an input");
    if op == Op::Mean { sum.over(inputs.len()) } else { sum }
}

macro_rules! integers {
    ($($type:ident)*) => {$(
        impl Tested for $type {
            fn special() -> Vec<Self> {
                vec![Self::MIN, Self::MIN + 1, Self::MAX, Self::MAX - 1, Self::MAX / 2, 0, 1, 2, 3, (0 as Self).wrapping_sub(1)]
            }
            fn random(bits: u128) -> Self {
                bits as Self
            }
            fn accumulated(op: Op, inputs: &[Self]) -> Self {
                one_at_a_time(op, inputs)
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

/// Values of a float that are apt to go wrong.
macro_rules! special {
    ($type:ident, $epsilon:expr) => {
        [
            0.0,
            1.0,
            1.0 + $epsilon,
            1.0 + 1.5 * $epsilon,
            1.5,
            3.0,
            1.0 / 3.0,
            65504.0,
            65519.0,
            0.000061,
            0.00001,
        ]
        .into_iter()
        .map(Self::from_f64)
        .chain([Self::MAX, Self::MIN_POSITIVE, Self::INFINITY, Self::NAN, Self::EPSILON])
        .chain([1, 2, 3].map(|bits| Self::from_bits(bits))) // the least subnormals
        .chain([1, 2].map(|less| Self::from_bits(Self::MIN_POSITIVE.to_bits() - less))) // the greatest
        .flat_map(|value| [value, -value])
        .collect()
    };
}

/// As `half`'s types have it.
trait FromF64 {
    fn from_f64(value: f64) -> Self;
}

macro_rules! floats {
    ($($type:ident: $bits:ident, $accumulated:ident;)*) => {$(
        impl Tested for $type {
            fn special() -> Vec<Self> {
                special!($type, f64::from(Self::EPSILON))
            }
            fn random(bits: u128) -> Self {
                Self::from_bits(bits as $bits)
            }
            fn nan(self) -> bool {
                self.is_nan()
            }
            fn accumulated(op: Op, inputs: &[Self]) -> Self {
                $accumulated(op, inputs)
            }
        }
    )*};
}

impl FromF64 for f32 {
    fn from_f64(value: f64) -> Self {
        value as f32
    }
}

impl FromF64 for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
}

floats! {
    f32: u32, one_at_a_time;
    f64: u64, one_at_a_time;
    f16: u16, in_f32;
    bf16: u16, in_f32;
}

/// Sums, products and means in f32, rounded once by the `half` crate.
fn in_f32<T: Number + Into<f32> + Rounded>(op: Op, inputs: &[T]) -> T {
    match op {
        Op::Min | Op::Max => one_at_a_time(op, inputs),
        _ => T::rounded(one_at_a_time(op, &inputs.iter().map(|&x| x.into()).collect::<Vec<f32>>())),
    }
}

trait Rounded {
    fn rounded(value: f32) -> Self;
}

impl Rounded for f16 {
    fn rounded(value: f32) -> Self {
        Self::from_f32(value)
    }
}

impl Rounded for bf16 {
    fn rounded(value: f32) -> Self {
        Self::from_f32(value)
    }
}

/// `rows` inputs, every other value of which, by chance, is a special one.
fn inputs<T: Tested>(rows: usize, length: usize, random: &mut fastrand::Rng) -> Vec<Vec<T>> {
    let special = T::special();
    let mut value = || match random.bool() {
        true => special[random.usize(..special.len())],
        false => T::random(random.u128(..) >> random.u32(..128)),
    };
    (0..rows).map(|_| (0..length).map(|_| value()).collect()).collect()
}

#[track_caller]
fn same<T: Tested>(actual: &[T], expected: &[T], what: std::fmt::Arguments<'_>) {
    assert_eq!(actual.len(), expected.len());
    for (at, (&a, &e)) in actual.iter().zip(expected).enumerate() {
        let equal = bytemuck::bytes_of(&a) == bytemuck::bytes_of(&e) || a.nan() && e.nan();
        assert!(equal, "{what}: element {at} of {} is {a:?}, and should be {e:?}", actual.len());
    }
}

/// Two inputs, by the methods that messages are reduced with.
fn two<T: Tested>(op: Op, left: &[T], right: &[T]) {
    let reduction = op.reduction::<T>();
    let expected: Vec<T> = left.iter().zip(right).map(|(&l, &r)| reduction.apply(l, r)).collect();
    let mut folded = left.to_vec();
    reduction.fold(&mut folded, right);
    same(&folded, &expected, format_args!("fold, {op:?}"));
    let mut folded = right.to_vec();
    reduction.fold_left(left, &mut folded);
    same(&folded, &expected, format_args!("fold_left, {op:?}"));
    let mut combined = right.to_vec();
    reduction.combine(&mut combined, left, right);
    same(&combined, &expected, format_args!("combine, {op:?}"));
}

/// What is done to a result, with a count of contributions.
fn finished<T: Tested>(op: Op, values: &[T], contributions: usize) {
    let expected: Vec<T> = match op {
        Op::Mean => values.iter().map(|value| value.over(contributions)).collect(),
        _ => values.to_vec(),
    };
    let mut actual = values.to_vec();
    op.reduction().finish(&mut actual, contributions);
    same(&actual, &expected, format_args!("finish, {op:?} of {contributions}"));
}

/// All inputs at once.
fn several<T: Tested>(op: Op, inputs: &[Vec<T>], length: usize) {
    let reduction = op.reduction::<T>();
    let expected: Vec<T> = (0..length)
        .map(|at| T::accumulated(op, &inputs.iter().map(|input| input[at]).collect::<Vec<T>>()))
        .collect();
    let mut columns = inputs.to_vec();
    reduction.all_reduce_columns(&mut columns.iter_mut().map(|column| &mut column[..]).collect::<Vec<_>>());
    for column in &columns {
        same(column, &expected, format_args!("all_reduce_columns, {op:?} of {}", inputs.len()));
    }
    let mut output = vec![T::ONE; length];
    reduction.reduce_columns(&inputs.iter().map(|input| &input[..]).collect::<Vec<_>>(), &mut output);
    same(&output, &expected, format_args!("reduce_columns, {op:?} of {}", inputs.len()));
}

fn of_every_length<T: Tested>() {
    let random = &mut fastrand::Rng::with_seed(size_of::<T>() as u64);
    let block = 4096 / size_of::<T>();
    let lengths = (0..=70).chain([block - 1, block, block + 1, 2 * block + 17]);
    for length in lengths {
        for op in Op::ALL {
            let rows = inputs::<T>(5, length, random);
            two(op, &rows[0], &rows[1]);
            for count in 1..=5 {
                several(op, &rows[..count], length);
            }
            for count in [1, 2, 3, 7, 255, 256, 257, 65536, 1 << 24, (1 << 32) + 1, usize::MAX] {
                finished(op, &rows[0], count);
            }
        }
    }
}

/// Every special value with every other, which random ones might not have met.
fn of_all_pairs<T: Tested>() {
    let special = T::special();
    let (left, right): (Vec<T>, Vec<T>) =
        special.iter().flat_map(|&left| special.iter().map(move |&right| (left, right))).unzip();
    for op in Op::ALL {
        two(op, &left, &right);
        several(op, &[left.clone(), right.clone()], left.len());
    }
}

macro_rules! types {
    ($($name:ident: $type:ident)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn loops_of_every_length() {
                of_every_length::<$type>();
            }

            #[test]
            fn loops_of_all_pairs() {
                of_all_pairs::<$type>();
            }
        }
    )*};
}

types! {
    of_u8: u8 of_u16: u16 of_u32: u32 of_u64: u64
    of_u128: u128 of_usize: usize of_i8: i8 of_i16: i16
    of_i32: i32 of_i64: i64 of_i128: i128 of_isize: isize
    of_f16: f16 of_bf16: bf16 of_f32: f32 of_f64: f64
}

/// All values of a half are widened, and those next to all halves and between them rounded, as the `half` crate does.
#[test]
fn loops_of_every_half() {
    fn every<T: Tested + Rounded + Into<f32>>(of_bits: impl Fn(u16) -> T) {
        let all: Vec<T> = (0..=u16::MAX).map(of_bits).collect();
        for count in 1..=7 {
            finished(Op::Mean, &all, count);
        }
        // Times a little more and a little less than a half's worth: ties, and what is next to them.
        for factor in [0.5, 1.0 / 3.0, 1.0 + 1.0 / 128.0, 1.0 / 1024.0 + 1.0, 0.1, 1000.0, 1e-4] {
            two(Op::Product, &all, &vec![T::rounded(factor); all.len()]);
        }
        let next: Vec<T> = all.iter().cycle().skip(1).take(all.len()).copied().collect();
        for op in [Op::Sum, Op::Mean, Op::Min, Op::Max] {
            several(op, &[all.clone(), next.clone()], all.len());
        }
    }
    every(f16::from_bits);
    every(bf16::from_bits);
}

/// Three halves of 1024 and 65504: rounded at each step they would be infinite.
#[test]
fn halves_are_accumulated_in_f32() {
    let mut columns = [65504.0, 1024.0, -1024.0].map(|value| [f16::from_f32(value); 3]);
    let [a, b, c] = &mut columns;
    Sum.all_reduce_columns(&mut [a, b, c]);
    assert_eq!(columns, [[f16::MAX; 3]; 3]);

    // And ones beyond 256.
    let ones = [bf16::ONE; 3];
    let mut sum = [bf16::ZERO; 3];
    Sum.reduce_columns(&[&ones[..]; 512], &mut sum);
    assert_eq!(sum, [bf16::from_f32(512.0); 3]);
}

/// A reduction of one's own has the methods without writing them, and keeps the order given.
#[test]
fn custom_reductions_are_combined_in_order() {
    let digits = Custom::ordered(&Name("digits"), |a: u64, b: u64| a * 10 + b);
    for length in [0, 1, 5, 512, 1500] {
        let inputs: Vec<Vec<u64>> = (1..=4).map(|digit| vec![digit; length]).collect();
        let mut output = vec![0; length];
        digits.reduce_columns(&inputs.iter().map(|input| &input[..]).collect::<Vec<_>>(), &mut output);
        assert_eq!(output, vec![1234; length]);
        let mut columns = inputs;
        digits.all_reduce_columns(&mut columns.iter_mut().map(|column| &mut column[..]).collect::<Vec<_>>());
        assert_eq!(columns, vec![vec![1234; length]; 4]);
    }
    digits.all_reduce_columns(&mut []);
}

/// The whole again as on lesser processors: this program, with the wider vectors masked.
#[test]
fn without_wide_vectors() {
    for level in simd::Level::ALL.into_iter().filter(|&level| level < simd::level()) {
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["loops_of", "the_level_is_the_one_asked_for"])
            .env("GEARS_SIMD", level.name())
            .output()
            .expect("it starts");
        let (said, errors) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
        let tests = format!("test result: ok. {} passed", 2 * 16 + 1 + 1);
        assert!(child.status.success() && said.contains(&tests), "{}:\n{said}\n{errors}", level.name());
    }
}

/// The masked runs are masked.
#[test]
fn the_level_is_the_one_asked_for() {
    if let Ok(asked) = std::env::var("GEARS_SIMD") {
        assert_eq!(simd::level().name(), asked);
    }
}
