//! What can't be meant is said on the standard error, with the exit status for it.

use crate::output;

#[test]
fn bad_usage() {
    for (arguments, message) in [
        (&["tour", "--ranks", "0"][..], "'--ranks <P>': 0 is not in 1..=64"),
        (&["tour", "--ranks", "many"], "invalid digit"),
        (&["turo"], "unrecognized subcommand"),
        (&["faults", "--ranks", "2,1"], "1 is not in 2..=16"),
        (&["faults", "sort"], "invalid value 'sort'"),
        (&["bench"], "Usage: gears bench <OPERATION>"),
        (&["bench", "attentoin"], "unrecognized subcommand"),
        (&["bench", "all_reduce", "--causal"], "unexpected argument '--causal'"),
        (
            &["bench", "all_reduce", "--algorithm", "rign"],
            "there is no algorithm `rign` here, but: auto, all, ",
        ),
        (&["bench", "attention", "--algorithm", "nive,flash"], "invalid value 'nive'"),
        (&["bench", "attention", "--kv-heads", "3"], "the 8 query heads can't be shared out evenly among 3"),
        (&["bench", "attention", "--sequence", "9..8"], "from 9 down to 8 there is nothing"),
        (&["bench", "attention", "--threads", "0"], "0 is not in 1..=256"),
        (&["bench", "attention", "--dtype", "f16"], "[possible values: f32, f64]"),
        (&["bench", "softmax", "--rows", "0"], "0 is not in 1..="),
        (
            &["bench", "mha", "--dim", "10", "--heads", "3"],
            "3, and a divisor of the dimension, 10, was expected",
        ),
        (&["bench", "mha", "--kv-heads", "5"], "a multiple of the 5 key-value heads was expected"),
        (&["bench", "ring", "--ranks", "2,65"], "65 is not in 1..=64"),
        (
            &["bench", "ring", "--algorithm", "zagzig"],
            "there is no algorithm `zagzig` here, but: auto, all, contiguous, ",
        ),
        (
            &["bench", "ulysses", "--ranks", "16"],
            "ulysses fused is skipped: 8 query heads can't be shared out among 16 ranks",
        ),
        (&["bench", "ulysses_ring"], "ulysses_ring is skipped: 2 ranks aren't a mesh of two axes"),
        (&["bench", "sort", "--algorithm", "simd,quick"], "invalid value 'quick'"),
        (&["bench", "sort", "--type", "f16"], "[possible values: u8, u16, u32, "),
        (&["bench", "sort", "--pattern", "shuffled"], "[possible values: random, ascending, "),
        (&["bench", "sort", "--n", "0..8"], "sizes begin at 1"),
        (&["bench", "sort_ranks", "--ranks", "2,65"], "65 is not in 1..=64"),
        (&["bench", "sort_ranks", "--algorithm", "odd-even"], "invalid value 'odd-even'"),
        (&["bench", "floors", "--bytes", "0"], "sizes begin at 1"),
        (&["bench", "floors", "--ranks", "3"], "unexpected argument '--ranks'"),
        (&["plan", "--ranks", "0"], "0 is not in 1..=1024"),
        (&["plan", "--dim", "10", "--heads", "3"], "3, and a divisor of the dimension, 10, was expected"),
        (
            &["plan", "--kv-heads", "5"],
            "the number of heads is 32, and a multiple of the 5 key-value heads was expected",
        ),
        (&["plan", "--dtype", "f32", "--bytes-per-element", "2"], "cannot be used with"),
        (&["network"], "required arguments were not provided:\n  --wires <N>"),
        (&["network", "--wires", "0"], "0 is not in 1..=1024"),
        (&["network", "--wires", "1025"], "1025 is not in 1..=1024"),
        (&["network", "--wires", "8", "--kind", "odd-even"], "invalid value 'odd-even' for '--kind <KIND>'"),
        (
            &["network", "--wires", "4", "--input", "3,1,2"],
            "the number of keys in the input is 3, and as many as there are wires, 4, were expected",
        ),
        (&["network", "--input", "3,one,2"], "invalid value 'one' for '--input <KEY,..>': invalid digit"),
        (&["network", "--input", "3,,2"], "cannot parse integer from empty string"),
    ] {
        let (status, out, err) = output(arguments);
        assert_eq!((status, out.as_str()), (Some(2), ""));
        assert!(err.contains(message), "{err}");
    }
}
