use super::*;
use crate::activation::Activation;
use crate::feed_forward::{Mlp, SwiGlu};
use crate::multi_head::{MultiHeadAttention, Sizes};
use crate::norm::{LayerNorm, RmsNorm};
use crate::testing::randomised;
use crate::{Linear, Result};
use ::safetensors::tensor::{Dtype, TensorView};
use half::{bf16, f16};
use ndarray::{Array, Array1, Array2, ArrayD, IxDyn, array};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A directory that is gone afterwards.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("layers-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn bits<T: Float>(layer: &impl Parameters<T>) -> Vec<Vec<u64>> {
    let of = |x: &T| match size_of::<T>() {
        4 => u64::from(x.to_f32().unwrap().to_bits()),
        _ => x.to_f64().unwrap().to_bits(),
    };
    layer.parameters().iter().map(|p| p.values.iter().map(of).collect()).collect()
}

/// Saves, loads into a layer of other numbers, compares bits: by both formats.
fn round_trip<T: Float, L: Parameters<T> + Clone>(layer: &L) {
    let rng = &mut fastrand::Rng::with_seed(1);
    let directory = Directory::new();
    let path = directory.0.join("weights.safetensors");

    let mut other = randomised(layer.clone(), rng);
    safetensors::write(layer, "a.", &path).unwrap();
    safetensors::read(&mut other, "a.", &path).unwrap();
    assert_eq!(bits(&other), bits(layer));
    assert_eq!(std::fs::read(&path).unwrap(), safetensors::save(layer, "a.").unwrap());

    let mut other = randomised(layer.clone(), rng);
    npy::write(layer, "a.", &directory.0).unwrap();
    npy::read(&mut other, "a.", &directory.0).unwrap();
    assert_eq!(bits(&other), bits(layer));
}

fn every_layer<T: Float>() {
    let rng = &mut fastrand::Rng::with_seed(2);
    let sizes = Sizes { dim: 4, heads: 4, kv_heads: 2, head_dim: 3 };
    round_trip(&Linear::<T>::random(3, 2, true, rng));
    round_trip(&Linear::<T>::random(3, 0, true, rng));
    round_trip(&randomised(RmsNorm::<T>::new(5, T::of(1e-5)), rng));
    round_trip(&randomised(LayerNorm::<T>::new(5, true, T::of(1e-5)), rng));
    round_trip(&Mlp::<T>::random(4, 8, true, Activation::Gelu, rng));
    round_trip(&SwiGlu::<T>::random(4, 8, false, rng));
    round_trip(&MultiHeadAttention::<T>::random(sizes, true, rng));
    round_trip(&MultiHeadAttention::<T>::random(sizes, true, rng).fused().unwrap());
}

#[test]
fn every_layer_loads_what_it_saved() {
    every_layer::<f32>();
    every_layer::<f64>();
}

#[test]
fn every_bit_is_kept() {
    let odd = [0, 1, 0x8000_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_1234, 0xffff_ffff, 0x0040_0000];
    round_trip(&Linear {
        weight: Array2::zeros((8, 0)),
        bias: Some(Array1::from_iter(odd.map(f32::from_bits))),
    });
    let odd = [0, 1, 1 << 63, 0x7ff0 << 48, 0x7ff8_0000_0000_1234, u64::MAX, 0x3ff0_0000_0000_0001];
    round_trip(&Linear {
        weight: Array2::zeros((7, 0)),
        bias: Some(Array1::from_iter(odd.map(f64::from_bits))),
    });
}

/// A file with one tensor.
fn file(name: &str, kind: Dtype, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let tensor = TensorView::new(kind, shape.to_vec(), bytes).unwrap();
    ::safetensors::serialize([(name, tensor)], None).unwrap()
}

fn load_into<T: Float>(shape: (usize, usize), bytes: &[u8]) -> Result<Array2<T>> {
    let mut layer = Linear::zeros(shape.1, shape.0, false);
    safetensors::load(&mut layer, "", bytes).map(|()| layer.weight)
}

#[test]
fn narrow_types_are_widened_exactly() {
    let numbers = [1.5_f32, -0.099_975_586, 65504.0, 5.960_464_5e-8];
    let bytes: Vec<u8> = numbers.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect();
    let f16s = file("weight", Dtype::F16, &[2, 2], &bytes);
    let expected = array![[1.5, -0.099_975_586], [65504.0, 5.960_464_5e-8]];
    assert_eq!(load_into::<f32>((2, 2), &f16s).unwrap(), expected);
    assert_eq!(load_into::<f64>((2, 2), &f16s).unwrap(), expected.mapv(f64::from));

    let bytes: Vec<u8> = [1.5_f32, -3e38].iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes()).collect();
    let bf16s = file("weight", Dtype::BF16, &[1, 2], &bytes);
    let largest = bf16::from_f32(-3e38).to_f32();
    assert_eq!(load_into::<f32>((1, 2), &bf16s).unwrap(), array![[1.5, largest]]);

    let f32s = file("weight", Dtype::F32, &[1, 1], &0.1_f32.to_le_bytes());
    assert_eq!(load_into::<f64>((1, 1), &f32s).unwrap(), array![[f64::from(0.1_f32)]]);
}

fn described<'a>(name: &'a str, kind: Dtype, shape: &'a [usize]) -> (&'a str, Dtype, &'a [usize]) {
    (name, kind, shape)
}

#[test]
fn what_doesnt_fit_is_told_and_nothing_is_changed() {
    let error = |file: &[u8]| {
        let mut layer = Linear { weight: array![[1.0_f32, 2.0]], bias: Some(array![3.0]) };
        let before = layer.clone();
        let error = safetensors::load(&mut layer, "m.", file).unwrap_err().to_string();
        assert_eq!(layer, before);
        error
    };
    let of = |tensors: &[(&str, Dtype, &[usize])]| {
        let bytes = [0; 100];
        let view = |kind: Dtype, shape: &[usize]| {
            let length = shape.iter().product::<usize>() * kind.bitsize() / 8;
            TensorView::new(kind, shape.to_vec(), &bytes[..length]).unwrap()
        };
        let tensors = tensors.iter().map(|(name, kind, shape)| (*name, view(*kind, shape)));
        ::safetensors::serialize(tensors, None).unwrap()
    };
    let weight = described("m.weight", Dtype::F32, &[1, 2]);
    let bias = described("m.bias", Dtype::F32, &[1]);
    assert_eq!(error(&of(&[weight])), "there is no tensor \"m.bias\", and one of (1) was expected");
    let transposed = described("m.weight", Dtype::F32, &[2, 1]);
    assert_eq!(error(&of(&[transposed, bias])), "tensor \"m.weight\" is (2, 1), and (1, 2) was expected");
    let double = described("m.bias", Dtype::F64, &[1]);
    let expected = "tensor \"m.bias\" is of f64, and f16, bf16 or f32 was expected";
    assert_eq!(error(&of(&[weight, double])), expected);
    let whole = described("m.bias", Dtype::I64, &[1]);
    assert!(error(&of(&[weight, whole])).starts_with("tensor \"m.bias\" is of i64"));
    let more = described("m.more", Dtype::F32, &[1]);
    assert_eq!(error(&of(&[weight, bias, more])), "no parameter is named m.more");

    // What doesn't begin with the prefix is other layers' business.
    let other = described("other.weight", Dtype::I64, &[1]);
    let mut layer = Linear { weight: array![[1.0_f32, 2.0]], bias: Some(array![3.0]) };
    safetensors::load(&mut layer, "m.", &of(&[weight, bias, other])).unwrap();
    assert_eq!(layer, Linear::zeros(2, 1, true));
}

#[test]
fn truncated_and_corrupted_files_are_errors_and_never_panics() {
    let rng = &mut fastrand::Rng::with_seed(3);
    let layer = Linear::<f32>::random(2, 3, true, rng);
    let directory = Directory::new();
    let path = directory.0.join("weight.npy");

    let whole = safetensors::save(&layer, "").unwrap();
    for length in 0..whole.len() {
        let error = safetensors::load(&mut layer.clone(), "", &whole[..length]).unwrap_err().to_string();
        assert!(error.starts_with("this isn't a safetensors file: "), "{error}");
    }
    let longer = [&whole[..], &[0]].concat();
    assert!(safetensors::load(&mut layer.clone(), "", &longer).is_err());
    for position in 0..whole.len() {
        for _ in 0..4 {
            let mut corrupted = whole.clone();
            corrupted[position] ^= 1 << rng.u8(0..8);
            let _ = safetensors::load(&mut layer.clone(), "", &corrupted);
        }
    }

    npy::write_array(layer.weight.view().into_dyn(), &path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        let error = npy::array::<f32>(&whole[..length]).unwrap_err().to_string();
        assert!(error.starts_with("this isn't an .npy file: "), "{error}");
    }
    for position in 0..whole.len() {
        for _ in 0..4 {
            let mut corrupted = whole.clone();
            corrupted[position] ^= 1 << rng.u8(0..8);
            let _ = npy::array::<f32>(&corrupted);
        }
    }
    std::fs::write(&path, &whole[..20]).unwrap();
    let error = npy::read_array::<f32>(&path).unwrap_err().to_string();
    assert!(error.contains("weight.npy: this isn't an .npy file: "), "{error}");
    assert!(npy::read_array::<f32>(directory.0.join("none.npy")).is_err());
    assert!(safetensors::read(&mut layer.clone(), "", directory.0.join("none")).is_err());
}

/// The bytes of an `.npy` file, by hand.
fn npy_file(description: &str, numbers: &[u8]) -> Vec<u8> {
    let mut header = description.to_string();
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), numbers].concat()
}

fn read_npy<T: Float>(description: &str, numbers: &[u8]) -> Result<ArrayD<T>> {
    npy::array(&npy_file(description, numbers))
}

#[test]
fn npy_of_either_order_and_any_float() {
    let numbers = |f: fn(f32) -> Vec<u8>| -> Vec<u8> { (0..6).flat_map(|i| f(i as f32)).collect() };
    let expected = Array::from_shape_vec(IxDyn(&[2, 3]), (0..6).map(f64::from).collect()).unwrap();
    let little = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    assert_eq!(read_npy::<f64>(little, &numbers(|x| x.to_le_bytes().to_vec())).unwrap(), expected);
    let big = "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }";
    assert_eq!(read_npy::<f64>(big, &numbers(|x| x.to_be_bytes().to_vec())).unwrap(), expected);
    let half = "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }";
    let halves = numbers(|x| f16::from_f32(x).to_le_bytes().to_vec());
    assert_eq!(read_npy::<f32>(half, &halves).unwrap(), expected.mapv(|x| x as f32));
    let columns = "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 2), }";
    let got = read_npy::<f64>(columns, &numbers(|x| f64::from(x).to_le_bytes().to_vec())).unwrap();
    assert_eq!(got, expected.t());
    let scalar = "{'descr': '<f8', 'fortran_order': False, 'shape': (), }";
    assert_eq!(
        read_npy::<f64>(scalar, &2.5_f64.to_le_bytes()).unwrap().into_iter().collect::<Vec<_>>(),
        [2.5]
    );
}

#[test]
fn npy_that_doesnt_fit() {
    let error =
        |description: &str, numbers: &[u8]| read_npy::<f32>(description, numbers).unwrap_err().to_string();
    let message = error("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", &[0; 8]);
    assert!(message.starts_with("the array is of f64, and f16, bf16 or f32 was expected"), "{message}");
    let message = error("{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }", &[0; 4]);
    assert!(message.contains("is of <i4, and"), "{message}");
    let message = error("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", &[0; 20]);
    assert!(message.ends_with("2 x 3 numbers of 4 bytes are announced, and 20 bytes follow"), "{message}");
    // Sizes that no memory holds, also of an array without elements.
    let huge = 1_u64 << 62;
    let message = error(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({huge}, 3), }}"), &[]);
    assert!(message.contains("numbers of 4 bytes are announced"), "{message}");
    error(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': (0, {huge}, {huge}), }}"), &[]);
    error(&"(".repeat(20_000), &[]);

    let directory = Directory::new();
    let layer = Linear::<f32>::zeros(2, 3, true);
    npy::write(&layer, "m.", &directory.0).unwrap();
    npy::write(&layer, "other.", &directory.0).unwrap();
    npy::read(&mut layer.clone(), "m.", &directory.0).unwrap();
    let mut without = Linear::<f32>::zeros(2, 3, false);
    let message = npy::read(&mut without, "m.", &directory.0).unwrap_err().to_string();
    assert_eq!(message, "no parameter is named m.bias");
    std::fs::remove_file(directory.0.join("m.weight.npy")).unwrap();
    let message = npy::read(&mut layer.clone(), "m.", &directory.0).unwrap_err().to_string();
    assert_eq!(message, "there is no tensor \"m.weight\", and one of (3, 2) was expected");
}
