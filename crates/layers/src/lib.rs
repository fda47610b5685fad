//! What transformers are made of, on one rank: forward and backward.
