//! What can travel: plain data.

use half::{bf16, f16};
use std::marker::PhantomData;
use transport::ElementType;

/// A value that can be sent: plain data (no padding, no pointers, every bit pattern valid).
///
/// Implemented for all integers, `f32`, `f64`, and `half`'s `f16` and `bf16`. A type of your own needs
/// `bytemuck::Pod` and a name:
///
/// ```
/// use collectives::{Element, ElementType, bytemuck};
///
/// #[derive(Clone, Copy)]
/// #[repr(transparent)]
/// struct Celsius(f32);
/// // What `Pod` demands is yours to check; bytemuck's `derive` feature does it for you.
/// unsafe impl bytemuck::Zeroable for Celsius {}
/// unsafe impl bytemuck::Pod for Celsius {}
///
/// impl Element for Celsius {
///     const TYPE: &'static ElementType = &ElementType::of::<Self>("celsius");
/// }
/// ```
///
/// `PhantomData<T>` is a *ghost* of `T`: it takes no memory and costs as much on the wire, so a buffer of a
/// billion ghosts runs through the same algorithms for free and is counted in full. Reductions of ghosts
/// are [`Custom`](crate::Custom) functions of two ghosts.
pub trait Element: bytemuck::Pod + Send + Sync {
    /// What is compared on arrival: a name, the bytes that an element costs on a wire, and its size.
    const TYPE: &'static ElementType;
}

macro_rules! elements {
    ($($type:ident)*) => {$(
        impl Element for $type {
            const TYPE: &'static ElementType = &ElementType::of::<$type>(stringify!($type));
        }
    )*};
}

elements!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f16 bf16 f32 f64);

impl<T: Element> Element for PhantomData<T> {
    const TYPE: &'static ElementType = &ElementType { memory_bytes: 0, ..*T::TYPE };
}

/// Shows `bytes`, which are `count` elements, as such.
///
/// They are copied first if they lie unaligned, as 16-byte elements do in a mailbox slot.
pub(crate) fn view<T: Element>(bytes: &[u8], count: usize, look: impl FnOnce(&[T])) {
    if size_of::<T>() == 0 {
        return look(&vec![T::zeroed(); count]); // takes no memory
    }
    match bytemuck::try_cast_slice(bytes) {
        Ok(elements) => look(elements),
        Err(_) => look(&bytemuck::pod_collect_to_vec(bytes)),
    }
}

/// Copies `bytes` into elements, wherever they lie.
pub(crate) fn copy<T: Element>(bytes: &[u8], to: &mut [T]) {
    bytemuck::cast_slice_mut(to).copy_from_slice(bytes);
}

/// The elements as bytes; none for elements without size.
pub(crate) fn bytes<T: Element>(elements: &[T]) -> &[u8] {
    bytemuck::cast_slice(elements)
}

/// Room for intermediate results.
pub(crate) fn scratch<T: Element>(length: usize) -> Vec<T> {
    bytemuck::allocation::zeroed_vec(length)
}
