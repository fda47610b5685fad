//! How the contributions of several ranks become one.

use crate::kernels::Operation;
use crate::kernels::several::{self, InPlace};
use crate::{Element, Number};
use transport::Name;

/// An associative function of two elements, applied element by element to the ranks' buffers.
///
/// Results are the same bits on all ranks and on every run: each algorithm combines the contributions in an
/// order that depends on the number of ranks and the position in the buffer alone. Different algorithms may
/// round differently (`f16` and `bf16` most: see [`Number`]). The payload of a NaN is unspecified, as in Rust itself.
///
/// [`name`](Self::name) and [`apply`](Self::apply) are all that must be written. The built-in reductions have loops of
/// their own, compiled for the widest vectors of the processor, with the same bits on each.
pub trait Reduction<T: Element>: Sync {
    /// Compared between ranks: a rank that sums never silently meets one that multiplies.
    fn name(&self) -> &'static Name;

    /// The function. `left` comes from lower ranks than `right`, unless the function commutes. It is called
    /// while a message is being read, so it must not use a communicator: that is refused with an error.
    fn apply(&self, left: T, right: T) -> T;

    /// Whether the order of the arguments doesn't matter. If it does, only algorithms that keep rank order
    /// are used; asking for another one is an error.
    fn commutes(&self) -> bool {
        true
    }

    /// The value that changes nothing: what an exclusive scan gives the first rank. `None` if there is none.
    fn identity(&self) -> Option<T> {
        None
    }

    /// Called on finished results, with the number of contributions in them: on any stretches of them, each element
    /// once. So it works element by element.
    fn finish(&self, _result: &mut [T], _contributions: usize) {}

    /// `left = left ∘ right`
    fn fold(&self, left: &mut [T], right: &[T]) {
        for (l, r) in left.iter_mut().zip(right) {
            *l = self.apply(*l, *r);
        }
    }

    /// `right = left ∘ right`
    fn fold_left(&self, left: &[T], right: &mut [T]) {
        for (l, r) in left.iter().zip(right) {
            *r = self.apply(*l, *r);
        }
    }

    /// `out = left ∘ right`
    fn combine(&self, out: &mut [T], left: &[T], right: &[T]) {
        for (o, (l, r)) in out.iter_mut().zip(left.iter().zip(right)) {
            *o = self.apply(*l, *r);
        }
    }

    /// Each of the columns, all equally long, becomes `finish(columns[0] ∘ columns[1] ∘ ...)`: an all-reduce of
    /// buffers that lie in one memory. It goes over them once, block by block.
    fn all_reduce_columns(&self, columns: &mut [&mut [T]]) {
        let inputs = columns.len();
        several::all_reduce(columns, &mut InPlace { reduction: self, inputs });
    }

    /// `output = finish(inputs[0] ∘ inputs[1] ∘ ...)`, where all are equally long and there is one at least. It goes
    /// over them once, block by block.
    fn reduce_columns(&self, inputs: &[&[T]], output: &mut [T]) {
        several::reduce(inputs, output, &mut InPlace { reduction: self, inputs: inputs.len() });
    }
}

/// The sum. Integers wrap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum;

/// The product. Integers wrap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Product;

/// The least element.
#[derive(Clone, Copy, Debug, Default)]
pub struct Min;

/// The greatest element.
#[derive(Clone, Copy, Debug, Default)]
pub struct Max;

/// The arithmetic mean: a sum, divided once at the end. Integers round towards zero; their sum wraps first,
/// so the mean of large ones needs a wider type.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mean;

macro_rules! built_in {
    ($($reduction:ident: $name:literal, $function:ident, $operation:ident, mean: $mean:literal, $item:item;)*) => {$(
        impl<T: Number> Reduction<T> for $reduction {
            fn name(&self) -> &'static Name {
                &Name($name)
            }
            fn apply(&self, left: T, right: T) -> T {
                left.$function(right)
            }
            fn fold(&self, left: &mut [T], right: &[T]) {
                (T::kernels(Operation::$operation).fold)(left, right);
            }
            fn fold_left(&self, left: &[T], right: &mut [T]) {
                (T::kernels(Operation::$operation).fold)(right, left); // they commute, to the bit
            }
            fn combine(&self, out: &mut [T], left: &[T], right: &[T]) {
                (T::kernels(Operation::$operation).combine)(out, left, right);
            }
            fn all_reduce_columns(&self, columns: &mut [&mut [T]]) {
                several::all_reduce_numbers(T::kernels(Operation::$operation), $mean, columns);
            }
            fn reduce_columns(&self, inputs: &[&[T]], output: &mut [T]) {
                several::reduce_numbers(T::kernels(Operation::$operation), $mean, inputs, output);
            }
            $item
        }
    )*};
}

built_in! {
    Sum: "sum", add, Sum, mean: false, fn identity(&self) -> Option<T> { Some(T::ZERO) };
    Product: "product", mul, Product, mean: false, fn identity(&self) -> Option<T> { Some(T::ONE) };
    Min: "min", min, Min, mean: false, fn identity(&self) -> Option<T> { Some(T::HIGHEST) };
    Max: "max", max, Max, mean: false, fn identity(&self) -> Option<T> { Some(T::LOWEST) };
    Mean: "mean", add, Sum, mean: true, fn finish(&self, result: &mut [T], contributions: usize) {
        T::divide(result, contributions);
    };
}

/// A function of the caller's.
///
/// ```
/// use collectives::{Custom, Name, World};
///
/// // x -> a x + b, as (a, b): composing such maps is associative and doesn't commute.
/// // Packed here as two i32 in a u64.
/// fn then(f: u64, g: u64) -> u64 {
///     let (a, b) = ((f >> 32) as i32, f as i32);
///     let (c, d) = ((g >> 32) as i32, g as i32);
///     (((a * c) as u32 as u64) << 32) | ((b * c + d) as u32 as u64)
/// }
/// let compose = Custom::ordered(&Name("compose"), then);
///
/// let results = World::new(3).run(|comm| {
///     let (a, b) = (2, comm.rank() as u64); // x -> 2 x + rank
///     let mut map = [(a << 32) | b];
///     comm.all_reduce(&mut map, &compose)?;
///     Ok(map[0])
/// })?;
/// // ((2x + 0) * 2 + 1) * 2 + 2 = 8x + 4
/// assert_eq!(results, [(8 << 32) | 4; 3]);
/// # Ok::<(), collectives::RunError>(())
/// ```
///
/// It can't communicate: a communicator belongs to its rank's thread, and a reduction is shared.
///
/// ```compile_fail
/// use collectives::{Communicator, Custom, Name};
///
/// fn reduce_by_asking(comm: &Communicator) {
///     let op = Custom::commutative(&Name("asks"), |a: f32, b: f32| comm.barrier().map_or(a, |()| b));
///     comm.all_reduce(&mut [0.0], &op).unwrap();
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Custom<F> {
    name: &'static Name,
    function: F,
    commutes: bool,
}

impl<F> Custom<F> {
    /// An associative and commutative function.
    pub fn commutative(name: &'static Name, function: F) -> Self {
        Self { name, function, commutes: true }
    }

    /// An associative function whose arguments can't be swapped: reduced in rank order.
    pub fn ordered(name: &'static Name, function: F) -> Self {
        Self { name, function, commutes: false }
    }
}

impl<T: Element, F: Fn(T, T) -> T + Sync> Reduction<T> for Custom<F> {
    fn name(&self) -> &'static Name {
        self.name
    }

    fn apply(&self, left: T, right: T) -> T {
        (self.function)(left, right)
    }

    fn commutes(&self) -> bool {
        self.commutes
    }
}
