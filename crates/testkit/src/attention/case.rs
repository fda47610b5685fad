//! One attention to try: sizes, mask and options, small enough to print.
//!
//! A case says everything: its inputs are a function of it (see [`Inputs`](super::Inputs)), and so is what
//! the oracle expects. A rejection prints the case, and that is enough to try it again.

use std::fmt;

/// Sizes, mask and options of one attention. The letters are those of the crate `attention`.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// B.
    pub batch: usize,
    /// H.
    pub heads: usize,
    /// G.
    pub kv_heads: usize,
    /// Tq.
    pub queries: usize,
    /// Tk.
    pub keys: usize,
    /// D.
    pub head_dim: usize,
    /// E.
    pub value_dim: usize,
    /// Who sees whom, and what is added.
    pub mask: Parts,
    /// In place of 1/√D. Exact in f32.
    pub scale: Option<f64>,
    /// The probability to drop a share.
    pub dropout: Option<f64>,
    /// What the inputs are like.
    pub fill: Fill,
    /// Of inputs and dropout.
    pub seed: u64,
    /// How many threads may be used.
    pub threads: usize,
}

/// A mask as a statement: what it is made of. All of them must let a pair be for it to be seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// Where query 0 stands.
    pub offset: isize,
    /// Keys up to the query's position.
    pub causal: bool,
    /// So many keys to the left and to the right of it.
    pub window: Option<(usize, usize)>,
    /// Queries and keys of each document.
    pub documents: Option<Vec<(usize, usize)>>,
    /// A slope for each head.
    pub alibi: bool,
    /// A boolean mask.
    pub allowed: Option<Allowed>,
    /// An additive one.
    pub bias: Option<Bias>,
}

/// What kind of boolean mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// (B, H, Tq, Tk): holes everywhere, and some queries that see nothing.
    Pairs,
    /// (1, 1, Tq, Tk): the same for all heads.
    Shared,
    /// (B, 1, 1, Tk): keys that nobody sees, as in a batch of sequences of different lengths.
    Padding,
    /// (1, H, Tq, Tk): tiles of 16 x 16 that are all hidden, all seen, or mixed.
    Tiles,
}

/// What kind of additive mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bias {
    /// (B, H, Tq, Tk).
    Pairs,
    /// (1, H, Tq, Tk): as relative positions are learned.
    Heads,
    /// (B, 1, 1, Tk).
    Keys,
    /// (1, 1, Tq, Tk), with -inf here and there.
    Holes,
}

/// What the inputs are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Scores of a few units.
    Plain,
    /// Scores of thousands: their exponentials overflow in f64 too.
    Large,
    /// Queries and keys of -1, 0 and 1 alone, so that many scores are equal.
    Ties,
    /// Scores that grow from key to key: every next tile has a new maximum.
    Rising,
    /// Scores that fall from key to key.
    Falling,
}

impl Case {
    /// So many queries and keys, nothing masked: 2 query heads and 1 key-value head, D = 3, E = 2.
    pub fn new(queries: usize, keys: usize) -> Self {
        Case {
            batch: 1,
            heads: 2,
            kv_heads: 1,
            queries,
            keys,
            head_dim: 3,
            value_dim: 2,
            mask: Parts::default(),
            scale: None,
            dropout: None,
            fill: Fill::Plain,
            seed: 1,
            threads: 1,
        }
    }

    /// The same with other heads: B, H and G.
    pub fn heads(self, batch: usize, heads: usize, kv_heads: usize) -> Self {
        Case { batch, heads, kv_heads, ..self }
    }

    /// The same with other dimensions: D and E.
    pub fn dims(self, head_dim: usize, value_dim: usize) -> Self {
        Case { head_dim, value_dim, ..self }
    }

    /// The same with another mask.
    pub fn mask(self, mask: Parts) -> Self {
        Case { mask, ..self }
    }

    /// What queries and keys are multiplied by, in f64.
    pub fn scale(&self) -> f64 {
        self.scale.unwrap_or(1.0 / (self.head_dim as f64).sqrt())
    }

    /// Pairs of a query of some head with a key.
    pub fn pairs(&self) -> usize {
        self.batch * self.heads * self.queries * self.keys
    }
}

impl Parts {
    /// Nothing hidden, nothing added.
    pub fn none() -> Self {
        Parts::default()
    }

    /// Keys up to the query's position, of which the first is this.
    pub fn causal(offset: isize) -> Self {
        Parts { causal: true, offset, ..Parts::default() }
    }

    /// So many keys to the left and to the right.
    pub fn window(self, left: usize, right: usize) -> Self {
        Parts { window: Some((left, right)), ..self }
    }

    /// Documents: queries and keys of each.
    pub fn documents(self, lengths: Vec<(usize, usize)>) -> Self {
        Parts { documents: Some(lengths), ..self }
    }

    /// Slopes.
    pub fn alibi(self) -> Self {
        Parts { alibi: true, ..self }
    }

    /// A boolean mask.
    pub fn allowed(self, allowed: Allowed) -> Self {
        Parts { allowed: Some(allowed), ..self }
    }

    /// An additive one.
    pub fn bias(self, bias: Bias) -> Self {
        Parts { bias: Some(bias), ..self }
    }

    /// Whether it matters where in the sequence a key stands.
    pub fn is_positional(&self) -> bool {
        self.causal || self.window.is_some() || self.documents.is_some() || self.alibi
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { batch, heads, kv_heads, queries, keys, head_dim, value_dim, .. } = self;
        write!(
            f,
            "B = {batch}, H = {heads}, G = {kv_heads}, Tq = {queries}, Tk = {keys}, D = {head_dim}, \
             E = {value_dim}, {}",
            self.mask
        )?;
        if let Some(scale) = self.scale {
            write!(f, ", scale {scale}")?;
        }
        if let Some(probability) = self.dropout {
            write!(f, ", dropout {probability}")?;
        }
        write!(f, ", {:?}, seed {}, {} thread(s)", self.fill, self.seed, self.threads)
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}offset {}", if self.causal { "causal, " } else { "" }, self.offset)?;
        if let Some(window) = self.window {
            write!(f, ", window {window:?}")?;
        }
        if let Some(documents) = &self.documents {
            write!(f, ", documents {documents:?}")?;
        }
        if self.alibi {
            write!(f, ", ALiBi")?;
        }
        if let Some(allowed) = self.allowed {
            write!(f, ", allowed {allowed:?}")?;
        }
        if let Some(bias) = self.bias {
            write!(f, ", bias {bias:?}")?;
        }
        Ok(())
    }
}
