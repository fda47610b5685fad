//! A cache in one piece: for a batch of sequences of equal length.

use crate::Float;
use crate::error::{Error, Result, expect};
use ndarray::{Array4, ArrayView4, Axis, Slice};

#[cfg(test)]
mod tests;

/// Keys and values of up to `capacity` tokens of B sequences.
///
/// ```
/// use layers::cache::KeyValueCache;
/// use ndarray::Array4;
///
/// let mut cache = KeyValueCache::<f32>::new(1, 2, 100, 64); // B, G, capacity, D
/// let three = Array4::ones((1, 2, 3, 64));
/// cache.append(three.view(), three.view())?;
/// cache.truncate(2)?;
/// assert_eq!(cache.keys().dim(), (1, 2, 2, 64));
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyValueCache<T> {
    /// (B, G, capacity, D), of which the first `length` tokens count.
    keys: Array4<T>,
    /// The same.
    values: Array4<T>,
    length: usize,
}

impl<T: Float> KeyValueCache<T> {
    /// An empty cache of `kv_heads` heads (G) of `head_dim` elements (D).
    pub fn new(batch: usize, kv_heads: usize, capacity: usize, head_dim: usize) -> KeyValueCache<T> {
        let zeros = || Array4::zeros((batch, kv_heads, capacity, head_dim));
        KeyValueCache { keys: zeros(), values: zeros(), length: 0 }
    }

    /// Tokens of each sequence that it holds.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Tokens of each sequence that it has room for.
    pub fn capacity(&self) -> usize {
        self.keys.dim().2
    }

    /// Bytes that it takes up, whether filled or not.
    pub fn bytes(&self) -> usize {
        (self.keys.len() + self.values.len()) * size_of::<T>()
    }

    /// The keys that it holds, (B, G, length, D).
    pub fn keys(&self) -> ArrayView4<'_, T> {
        self.keys.slice_axis(Axis(2), Slice::from(..self.length))
    }

    /// The values that it holds, (B, G, length, D).
    pub fn values(&self) -> ArrayView4<'_, T> {
        self.values.slice_axis(Axis(2), Slice::from(..self.length))
    }

    /// Adds the keys and values (B, G, added, D) of the next tokens.
    ///
    /// # Errors
    ///
    /// If shapes don't fit, or there is no room for so many; then the cache is as it was.
    pub fn append(&mut self, keys: ArrayView4<'_, T>, values: ArrayView4<'_, T>) -> Result<()> {
        let (batch, kv_heads, capacity, head_dim) = self.keys.dim();
        let added = keys.dim().2;
        let because = "(B, G, tokens, D), as the cache";
        expect("the array of keys", keys.shape(), &[batch, kv_heads, added, head_dim], because)?;
        expect("the array of values", values.shape(), keys.shape(), "one for each key")?;
        if added > capacity - self.length {
            return Err(Error::Overrun { held: self.length, added, capacity });
        }
        let next = Slice::from(self.length..self.length + added);
        self.keys.slice_axis_mut(Axis(2), next).assign(&keys);
        self.values.slice_axis_mut(Axis(2), next).assign(&values);
        self.length += added;
        Ok(())
    }

    /// Forgets all but the first tokens, as after a draft that was refused.
    ///
    /// # Errors
    ///
    /// If there are fewer than that.
    pub fn truncate(&mut self, length: usize) -> Result<()> {
        super::check_truncation(length, self.length)?;
        self.length = length;
        Ok(())
    }

    /// A cache of its own with the same content and capacity: everything that is held is copied.
    pub fn fork(&self) -> KeyValueCache<T> {
        let (batch, kv_heads, capacity, head_dim) = self.keys.dim();
        let mut fork = KeyValueCache::new(batch, kv_heads, capacity, head_dim);
        let held = Slice::from(..self.length);
        fork.keys.slice_axis_mut(Axis(2), held).assign(&self.keys());
        fork.values.slice_axis_mut(Axis(2), held).assign(&self.values());
        fork.length = self.length;
        fork
    }
}
