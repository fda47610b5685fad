//! Published models that the chapters compute with: sizes from their public configurations.

use layers::multi_head::Sizes;
use parallel::tensor::BlockSizes;

/// A language model.
pub(crate) struct Checkpoint {
    pub(crate) name: &'static str,
    pub(crate) layers: usize,
    /// Of its attention.
    pub(crate) sizes: Sizes,
    /// The rest, if it is made as Llama is.
    rest: Option<Rest>,
}

/// What a model like Llama has besides attention: SwiGLU, RMSNorm, no biases.
struct Rest {
    /// Elements between the two halves of the feed-forward network.
    hidden: usize,
    vocabulary: usize,
    /// Whether one matrix serves as embedding and as output.
    tied: bool,
}

const fn sizes(dim: usize, heads: usize, kv_heads: usize, head_dim: usize) -> Sizes {
    Sizes { dim, heads, kv_heads, head_dim }
}

pub(crate) const ALL: [Checkpoint; 7] = [
    Checkpoint { name: "GPT-2 small", layers: 12, sizes: sizes(768, 12, 12, 64), rest: None },
    Checkpoint {
        name: "SmolLM2-135M",
        layers: 30,
        sizes: sizes(576, 9, 3, 64),
        rest: Some(Rest { hidden: 1536, vocabulary: 49_152, tied: true }),
    },
    Checkpoint {
        name: "Llama 2 7B",
        layers: 32,
        sizes: sizes(4096, 32, 32, 128),
        rest: Some(Rest { hidden: 11_008, vocabulary: 32_000, tied: false }),
    },
    Checkpoint { name: "Gemma 7B", layers: 28, sizes: sizes(3072, 16, 16, 256), rest: None },
    Checkpoint {
        name: "Llama 3 8B",
        layers: 32,
        sizes: sizes(4096, 32, 8, 128),
        rest: Some(Rest { hidden: 14_336, vocabulary: 128_256, tied: false }),
    },
    Checkpoint {
        name: "Llama 3 70B",
        layers: 80,
        sizes: sizes(8192, 64, 8, 128),
        rest: Some(Rest { hidden: 28_672, vocabulary: 128_256, tied: false }),
    },
    Checkpoint { name: "Falcon 7B", layers: 32, sizes: sizes(4544, 71, 1, 64), rest: None },
];

/// The model of this name.
pub(crate) fn checkpoint(name: &str) -> Result<&'static Checkpoint, String> {
    ALL.iter().find(|checkpoint| checkpoint.name == name).ok_or_else(|| format!("no model `{name}`"))
}

impl Checkpoint {
    pub(crate) fn kind(&self) -> &'static str {
        match self.sizes.kv_heads {
            1 => "MQA",
            kv_heads if kv_heads == self.sizes.heads => "MHA",
            _ => "GQA",
        }
    }

    /// Elements of the weights that each token is multiplied by: all matrices but the embedding, of which a row is taken.
    pub(crate) fn multiplied(&self) -> Result<usize, String> {
        let Rest { hidden, vocabulary, .. } = self.rest()?;
        let dim = self.sizes.dim;
        Ok(self.layers * (attention_parameters(&self.sizes) + 3 * dim * hidden) + vocabulary * dim)
    }

    /// One of its blocks.
    pub(crate) fn block(&self) -> Result<BlockSizes, String> {
        let hidden = self.rest()?.hidden;
        Ok(BlockSizes { attention: self.sizes, hidden, gated: true, centred: false, biases: false })
    }

    /// Elements that a token takes up in the caches of all layers.
    pub(crate) fn cached(&self) -> usize {
        self.layers * cached(&self.sizes)
    }

    fn rest(&self) -> Result<&Rest, String> {
        self.rest.as_ref().ok_or_else(|| format!("{} isn't made as Llama is", self.name))
    }
}

/// Wq, Wk, Wv and Wo, without biases.
pub(crate) fn attention_parameters(sizes: &Sizes) -> usize {
    let Sizes { dim, heads, kv_heads, head_dim } = *sizes;
    dim * (2 * heads + 2 * kv_heads) * head_dim
}

/// Elements of a token's keys and values in one layer.
pub(crate) fn cached(sizes: &Sizes) -> usize {
    2 * sizes.kv_heads * sizes.head_dim
}

#[cfg(test)]
mod tests {
    use super::*;
    use layers::cache::KeyValueCache;
    use layers::{MultiHeadAttention, Parameters};

    /// What the authors, or the files, say that there are.
    #[test]
    fn parameters_are_as_published() {
        for (name, published) in [
            ("SmolLM2-135M", 134_515_008),
            ("Llama 2 7B", 6_738_415_616),
            ("Llama 3 8B", 8_030_261_248),
            ("Llama 3 70B", 70_553_706_496),
        ] {
            let checkpoint = checkpoint(name).unwrap();
            let rest = checkpoint.rest().unwrap();
            let dim = checkpoint.sizes.dim;
            let norms = (2 * checkpoint.layers + 1) * dim;
            let embedding = if rest.tied { 0 } else { rest.vocabulary * dim };
            assert_eq!(checkpoint.multiplied().unwrap() + embedding + norms, published, "{name}");
        }
        assert!(checkpoint("GPT-2 small").unwrap().multiplied().is_err());
        assert!(checkpoint("GPT-5").is_err());
    }

    #[test]
    fn formulas_are_those_of_the_layers() {
        for sizes in [sizes(12, 4, 4, 3), sizes(12, 4, 2, 5), sizes(12, 4, 1, 2)] {
            let layer = MultiHeadAttention::<f32>::random(sizes, false, &mut fastrand::Rng::with_seed(1));
            assert_eq!(attention_parameters(&sizes), layer.count());
            let cache = KeyValueCache::<f32>::new(1, sizes.kv_heads, 7, sizes.head_dim);
            assert_eq!(7 * 4 * cached(&sizes), cache.bytes());
        }
    }
}
