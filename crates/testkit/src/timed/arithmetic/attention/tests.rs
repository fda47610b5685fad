use super::*;

fn setting(pass: Pass) -> Setting {
    let shape = Shape { batch: 1, heads: 2, kv_heads: 1, queries: 130, keys: 150, head_dim: 8, value_dim: 5 };
    Setting { algorithm: Algorithm::Flash, pass, shape, causal: true, threads: Threads::ONE }
}

/// The sample sees each of the five results, at both ends.
#[test]
fn a_wrong_element_is_found() {
    let setting = setting(Pass::Training);
    let work = Attention::<f32>::new(setting).expect("sizes");
    let (inputs, exact) = (&work.inputs, work.inputs.exact());
    let attended = inputs.forward(&setting);
    let gradients = inputs.backward(&setting, &attended);
    let outputs = |spoil: &dyn Fn(&mut Attended<f32>)| {
        let mut attended = attended.clone();
        spoil(&mut attended);
        wrong_outputs(&setting, inputs, &exact, &attended)
    };
    let gradients = |spoil: &dyn Fn(&mut Gradients<f32>)| {
        let mut gradients = gradients.clone();
        spoil(&mut gradients);
        wrong_gradients(&setting, inputs, &exact, &attended, &gradients)
    };
    assert_eq!(outputs(&|_| {}) + gradients(&|_| {}), 0);
    assert_eq!(outputs(&|a| a.output[(0, 1, 0, 2)] += 1e-3), 1);
    assert_eq!(outputs(&|a| a.lse[(0, 0, 129)] += 1e-3), 1);
    assert_eq!(gradients(&|g| g.query[(0, 1, 129, 7)] += 1e-3), 1);
    assert_eq!(gradients(&|g| g.key[(0, 0, 0, 0)] += 1e-3), 1);
    assert_eq!(gradients(&|g| g.value[(0, 0, 149, 4)] = f32::NAN), 1);
}

#[test]
fn only_pairs_that_are_seen_count() {
    let pairs = |queries, keys, causal| {
        let shape = Shape { queries, keys, ..setting(Pass::Forward).shape };
        Setting { shape, causal, ..setting(Pass::Forward) }.pairs()
    };
    assert_eq!(pairs(4, 4, false), 16);
    assert_eq!(pairs(4, 4, true), 10);
    assert_eq!(pairs(1, 9, true), 9);
    assert_eq!(pairs(2, 9, true), 8 + 9);
    assert_eq!(pairs(9, 2, true), 1 + 2);
}

#[test]
fn two_products_forward_and_five_backward() {
    let flops = |pass| Setting { causal: false, ..setting(pass) }.flops();
    let product = |dim: usize| (2 * 2 * 130 * 150 * dim) as f64; // of both heads
    assert_eq!(flops(Pass::Forward), product(8) + product(5));
    assert_eq!(flops(Pass::Backward), 3.0 * product(8) + 2.0 * product(5));
    assert_eq!(flops(Pass::Training), 4.0 * product(8) + 3.0 * product(5));
}

#[test]
fn results_are_counted() {
    let bytes = |pass| Attention::<f32>::new(setting(pass)).expect("sizes").result_bytes();
    let (output, lse) = (2 * 130 * 5, 2 * 130);
    let gradients = 2 * 130 * 8 + 150 * 8 + 150 * 5;
    assert_eq!(bytes(Pass::Forward), 4 * (output + lse));
    assert_eq!(bytes(Pass::Backward), 4 * gradients);
    assert_eq!(bytes(Pass::Training), 4 * (output + lse + gradients));
}

#[test]
fn heads_that_do_not_divide_are_refused() {
    let shape = Shape { heads: 3, kv_heads: 2, ..setting(Pass::Forward).shape };
    let error = Attention::<f32>::new(Setting { shape, ..setting(Pass::Forward) }).expect_err("3 / 2");
    assert!(error.to_string().contains("the 3 query heads"), "{error}");
}
