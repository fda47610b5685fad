use super::*;

#[test]
fn of_small_integers_all_are_in_order_and_come_back() {
    let unsigned: Vec<i16> = (0..=u16::MAX).map(Key::ordered).collect();
    assert!(unsigned.is_sorted_by(|a, b| a < b));
    assert!((0..=u16::MAX).all(|key| u16::restore(key.ordered()) == key));
    assert!((i16::MIN..=i16::MAX).all(|key| i16::restore(key.ordered()) == key && key.ordered() == key));
}

#[test]
fn floats_stand_in_total_order_and_come_back_bit_for_bit() {
    // Every sign and exponent, with the mantissas at both ends: zeros, denormals, infinities and NaNs.
    let mantissas = [0, 1, 0x3F_FFFF, 0x40_0000, 0x7F_FFFF];
    let floats: Vec<f32> =
        (0..512).flat_map(|high: u32| mantissas.map(|low| f32::from_bits(high << 23 | low))).collect();
    for a in &floats {
        assert_eq!(f32::restore(a.ordered()).to_bits(), a.to_bits());
        for b in &floats {
            assert_eq!(a.order(b), a.total_cmp(b), "{a:?} and {b:?}");
        }
    }
    for a in [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-310, f64::NAN] {
        assert_eq!(f64::restore(a.ordered()).to_bits(), a.to_bits());
        assert_eq!(a.order(&-a), a.total_cmp(&-a));
    }
}

#[test]
fn nothing_stands_beyond_the_least_and_the_greatest() {
    fn ends<K: Key>(least: K::Ordered, greatest: K::Ordered) {
        assert_eq!((K::LEAST.ordered(), K::GREATEST.ordered()), (least, greatest));
    }
    ends::<u8>(i8::MIN, i8::MAX);
    ends::<u128>(i128::MIN, i128::MAX);
    ends::<isize>(isize::MIN, isize::MAX);
    ends::<f32>(i32::MIN, i32::MAX);
    ends::<f64>(i64::MIN, i64::MAX);
}
