//! Room for the intermediate results of short calls, without an allocation in each.

use crate::Element;
use crate::element::scratch;
use std::cell::RefCell;

/// Longest room that is kept, in bytes. To allocate and free some is a fifth of the instructions of an all-reduce of 8
/// bytes (330 of 1,530, counted by callgrind); beside a call of more than this it is nothing.
const KEPT: usize = 16 << 10;

/// What a communicator keeps from one call to the next. It grows to what is asked for, up to [`KEPT`].
#[derive(Default)]
pub(crate) struct Scratch(RefCell<Vec<u128>>);

impl Scratch {
    /// Shows `work` room for so many elements. What stands in it may be of another call.
    pub(crate) fn with<T: Element, R>(&self, length: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
        let bytes = length * size_of::<T>(); // there is a slice of as many
        if bytes == 0 || bytes > KEPT || align_of::<T>() > align_of::<u128>() {
            return work(&mut scratch(length));
        }
        // Work that asks for room itself makes its own.
        let Ok(mut room) = self.0.try_borrow_mut() else { return work(&mut scratch(length)) };
        if size_of_val(&room[..]) < bytes {
            room.resize(bytes.div_ceil(size_of::<u128>()), 0);
        }
        let all: &mut [u8] = bytemuck::cast_slice_mut(&mut room);
        work(bytemuck::cast_slice_mut(&mut all[..bytes]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;
    use std::marker::PhantomData;

    #[test]
    fn there_is_room_for_elements_of_any_size_within_and_without_each_other() {
        let kept = Scratch::default();
        for length in [0, 1, 3, 5, 1000, KEPT, KEPT + 1, 2] {
            assert_eq!(kept.with(length, |room: &mut [u8]| room.len()), length);
            assert_eq!(kept.with(length, |room: &mut [f16]| room.len()), length);
            assert_eq!(kept.with(length, |room: &mut [u128]| room.len()), length);
            assert_eq!(kept.with(length, |room: &mut [PhantomData<f32>]| room.len()), length);
            kept.with(length, |outer: &mut [u64]| {
                outer.fill(1);
                kept.with(length, |inner: &mut [u64]| inner.fill(2));
                assert!(outer.iter().all(|&x| x == 1));
            });
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let kept = Scratch::default();
        for length in [KEPT / 8 + 1, 100 * KEPT] {
            kept.with(length, |_: &mut [u64]| ());
            assert_eq!(kept.0.take().capacity(), 0);
        }
        kept.with(KEPT / 8, |_: &mut [u64]| ());
        assert_eq!(size_of_val(&kept.0.take()[..]), KEPT);
    }
}
