//! A cache in pages: many sequences of any lengths share one pool, and what they have in common they keep
//! once.
//!
//! ```text
//! page_size = 2           pool    0      1      2      3      4
//! a: [1, 4, 3]                 ┌──────┬──────┬──────┬──────┬──────┐
//! b: [1, 4, 0]                 │ b₄   │ a₀ a₁│      │ a₄   │ a₂ a₃│      b is a fork of a after 4 tokens
//!                              └──────┴──────┴──────┴──────┴──────┘
//! used by                         1      2      0      1      2
//! ```
//!
//! A *block table* says for each sequence in which pages its tokens are. A fork copies the table alone, and
//! the pages count one user more. Full pages never change, so they stay shared; a page that isn't full is
//! copied by the first user that appends to it (copy on write). A page without users is free.
//!
//! Invariant: a page's count is the number of tables that it stands in, and the pages that count 0 are those
//! on the free list.
//!
//! Waste: less than a page for each sequence, where a cache in one piece reserves the longest that a sequence
//! may become.
//!
//! Source: Kwon et al., *Efficient Memory Management for Large Language Model Serving with PagedAttention*,
//! 2023.

use crate::Float;
use crate::error::{Error, Result, expect};
use attention::paged::PagedKeyValues;
use ndarray::{Array4, ArrayView3, ArrayView4, s};
use std::collections::BTreeMap;
use std::fmt;

#[cfg(test)]
mod tests;

/// Names a sequence of one [`PagedCache`]. A name isn't used again after its sequence ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(u64);

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sequence {}", self.0)
    }
}

/// Keys and values of many sequences, in a pool of pages.
///
/// ```
/// use layers::cache::PagedCache;
/// use ndarray::Array4;
///
/// let mut cache = PagedCache::<f32>::new(10, 2, 16, 64); // pages, G, page size, D
/// let a = cache.begin();
/// let tokens = Array4::ones((1, 2, 40, 64)); // (B, G, tokens, D)
/// cache.append(&[a], tokens.view(), tokens.view())?;
/// let b = cache.fork(a)?;
/// assert_eq!((cache.len(b)?, cache.free_pages()), (40, 7));
/// cache.end(a)?;
/// cache.end(b)?;
/// assert_eq!(cache.free_pages(), 10);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PagedCache<T> {
    /// (pages, G, page_size, D).
    keys: Array4<T>,
    /// The same.
    values: Array4<T>,
    /// For each page in how many tables it stands.
    users: Vec<usize>,
    /// The pages without users; the one freed last is taken first, since it may still be in a processor's
    /// cache.
    free: Vec<usize>,
    sequences: BTreeMap<Sequence, Held>,
    next: u64,
}

/// One sequence: its table has a page for each `page_size` tokens begun, and no more.
#[derive(Clone, Debug, Default)]
struct Held {
    table: Vec<usize>,
    length: usize,
}

impl<T: Float> PagedCache<T> {
    /// A pool of free pages for `kv_heads` heads (G) of `head_dim` elements (D). Of 0 tokens to a page one is
    /// made.
    pub fn new(pages: usize, kv_heads: usize, page_size: usize, head_dim: usize) -> PagedCache<T> {
        let zeros = || Array4::zeros((pages, kv_heads, page_size.max(1), head_dim));
        PagedCache {
            keys: zeros(),
            values: zeros(),
            users: vec![0; pages],
            free: (0..pages).rev().collect(),
            sequences: BTreeMap::new(),
            next: 0,
        }
    }

    /// Tokens to a page.
    pub fn page_size(&self) -> usize {
        self.keys.dim().2
    }

    /// Pages that there are.
    pub fn pages(&self) -> usize {
        self.users.len()
    }

    /// Pages that no sequence uses.
    pub fn free_pages(&self) -> usize {
        self.free.len()
    }

    /// Bytes of the pool, whether used or not.
    pub fn bytes(&self) -> usize {
        (self.keys.len() + self.values.len()) * size_of::<T>()
    }

    /// The sequences that it holds.
    pub fn sequences(&self) -> impl Iterator<Item = Sequence> + '_ {
        self.sequences.keys().copied()
    }

    /// Begins an empty sequence.
    pub fn begin(&mut self) -> Sequence {
        self.hold(Held::default())
    }

    /// A sequence with the same tokens. It costs no page until one of the two grows.
    ///
    /// # Errors
    ///
    /// If there is no such sequence.
    pub fn fork(&mut self, sequence: Sequence) -> Result<Sequence> {
        let held = self.get(sequence)?.clone();
        held.table.iter().for_each(|&page| self.users[page] += 1);
        Ok(self.hold(held))
    }

    /// Ends a sequence: the pages that it alone used are free.
    ///
    /// # Errors
    ///
    /// If there is no such sequence.
    pub fn end(&mut self, sequence: Sequence) -> Result<()> {
        self.truncate(sequence, 0)?;
        self.sequences.remove(&sequence);
        Ok(())
    }

    /// Tokens of a sequence.
    ///
    /// # Errors
    ///
    /// If there is no such sequence.
    pub fn len(&self, sequence: Sequence) -> Result<usize> {
        self.get(sequence).map(|held| held.length)
    }

    /// The pages of a sequence, in the order of its tokens.
    ///
    /// # Errors
    ///
    /// If there is no such sequence.
    pub fn table(&self, sequence: Sequence) -> Result<&[usize]> {
        self.get(sequence).map(|held| &held.table[..])
    }

    /// Some sequences, as [`attention::paged`] takes them.
    ///
    /// # Errors
    ///
    /// If one of them doesn't exist.
    pub fn view(&self, sequences: &[Sequence]) -> Result<PagedKeyValues<'_, T>> {
        Ok(PagedKeyValues {
            keys: self.keys.view(),
            values: self.values.view(),
            tables: sequences.iter().map(|&sequence| self.table(sequence)).collect::<Result<_>>()?,
            lengths: sequences.iter().map(|&sequence| self.len(sequence)).collect::<Result<_>>()?,
        })
    }

    /// Adds the keys and values (B, G, added, D) of the next tokens of B sequences.
    ///
    /// # Errors
    ///
    /// If shapes don't fit, a sequence doesn't exist or is named twice, or too few pages are free; then the
    /// cache is as it was.
    pub fn append(
        &mut self,
        sequences: &[Sequence],
        keys: ArrayView4<'_, T>,
        values: ArrayView4<'_, T>,
    ) -> Result<()> {
        let (_, kv_heads, _, head_dim) = self.keys.dim();
        let added = keys.dim().2;
        let expected = [sequences.len(), kv_heads, added, head_dim];
        expect(
            "the array of keys",
            keys.shape(),
            &expected,
            "(B, G, tokens, D), as the cache and the sequences",
        )?;
        expect("the array of values", values.shape(), keys.shape(), "one for each key")?;
        let needed = self.pages_needed(sequences, added)?;
        if needed > self.free.len() {
            return Err(Error::Pages { needed, free: self.free.len(), pages: self.pages() });
        }
        for (&sequence, (keys, values)) in sequences.iter().zip(keys.outer_iter().zip(values.outer_iter())) {
            self.append_one(sequence, keys, values);
        }
        Ok(())
    }

    /// Free pages that it takes to add so many tokens to each of these sequences.
    ///
    /// # Errors
    ///
    /// If a sequence doesn't exist or is named twice.
    pub fn pages_needed(&self, sequences: &[Sequence], added: usize) -> Result<usize> {
        let mut named = sequences.to_vec();
        named.sort();
        if let Some(twice) = named.windows(2).find(|pair| pair[0] == pair[1]) {
            let (given, expected) = (format!("{} again", twice[0]), "each sequence once".to_string());
            return Err(Error::Number { what: "a name in the list of sequences", given, expected });
        }
        let mut new = 0;
        // Pages that aren't full, and how many of these sequences are to write to them.
        let mut writers = BTreeMap::<usize, usize>::new();
        for &sequence in sequences {
            let Held { table, length } = self.get(sequence)?;
            new += (length + added).div_ceil(self.page_size()) - table.len();
            if added > 0 && length % self.page_size() != 0 {
                *writers.entry(table[table.len() - 1]).or_default() += 1;
            }
        }
        // Each writer copies the page, but the last user of all keeps it.
        let copied: usize = writers.into_iter().map(|(page, count)| count.min(self.users[page] - 1)).sum();
        Ok(new + copied)
    }

    /// Forgets all but the first tokens of a sequence.
    ///
    /// # Errors
    ///
    /// If there is no such sequence, or it has fewer tokens.
    pub fn truncate(&mut self, sequence: Sequence, length: usize) -> Result<()> {
        let pages = length.div_ceil(self.page_size());
        super::check_truncation(length, self.len(sequence)?)?;
        let Some(held) = self.sequences.get_mut(&sequence) else { return Err(Error::NoSequence(sequence)) };
        held.length = length;
        // The last page first, so that it is taken again last.
        for page in held.table.drain(pages..).rev() {
            self.users[page] -= 1;
            if self.users[page] == 0 {
                self.free.push(page);
            }
        }
        Ok(())
    }

    fn hold(&mut self, held: Held) -> Sequence {
        let sequence = Sequence(self.next);
        self.next += 1;
        self.sequences.insert(sequence, held);
        sequence
    }

    fn get(&self, sequence: Sequence) -> Result<&Held> {
        self.sequences.get(&sequence).ok_or(Error::NoSequence(sequence))
    }

    /// Adds keys and values (G, added, D). There are enough free pages: that was seen to.
    fn append_one(&mut self, sequence: Sequence, keys: ArrayView3<'_, T>, values: ArrayView3<'_, T>) {
        let (page_size, added) = (self.page_size(), keys.dim().1);
        let mut held = self.sequences.remove(&sequence).expect("it was found before");
        let mut done = 0;
        while done < added {
            let within = held.length % page_size;
            if within == 0 {
                held.table.push(self.take());
            }
            let last = held.table.len() - 1;
            held.table[last] = self.own(held.table[last]);
            let page = held.table[last];
            let count = (page_size - within).min(added - done);
            let (from, to) = (s![.., done..done + count, ..], s![page, .., within..within + count, ..]);
            self.keys.slice_mut(to).assign(&keys.slice(from));
            self.values.slice_mut(to).assign(&values.slice(from));
            held.length += count;
            done += count;
        }
        self.sequences.insert(sequence, held);
    }

    /// A free page, for one user.
    fn take(&mut self) -> usize {
        let page = self.free.pop().expect("as many as are needed are free");
        self.users[page] = 1;
        page
    }

    /// The same page if it has one user, else a copy of it for this one.
    fn own(&mut self, page: usize) -> usize {
        if self.users[page] == 1 {
            return page;
        }
        let copy = self.take();
        self.users[page] -= 1;
        for pool in [&mut self.keys, &mut self.values] {
            let (from, mut to) = pool.multi_slice_mut((s![page, .., .., ..], s![copy, .., .., ..]));
            to.assign(&from);
        }
        copy
    }
}
