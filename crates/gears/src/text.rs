//! How numbers are written for people.

/// Groups digits by three: 1234567 is 1,234,567.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The mark at the end of a line: none, or one that can't be missed.
pub(crate) fn mark(agrees: bool) -> &'static str {
    if agrees { "" } else { "  DISAGREES" }
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn groups_of_three() {
        let numbers = [0, 12, 123, 1234, 123456, 1234567];
        assert_eq!(numbers.map(thousands), ["0", "12", "123", "1,234", "123,456", "1,234,567"]);
    }
}
