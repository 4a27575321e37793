//! Numbers as text that keeps every bit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes of a number.
const WIDTH: usize = 4;

/// Numbers as base64 of their little-endian bytes, as endpoints write them too.
pub fn text(numbers: &[f32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

/// The numbers of a text.
///
/// # Errors
///
/// Says, as of a vector, why the text holds none.
pub fn numbers(text: &str) -> Result<Vec<f32>, String> {
    let bytes = STANDARD.decode(text).map_err(|error| format!("is not base64: {error}"))?;
    let (whole, rest) = bytes.as_chunks::<WIDTH>();
    if !rest.is_empty() || whole.is_empty() {
        return Err(format!("has {} bytes, which are no numbers", bytes.len()));
    }
    Ok(whole.iter().map(|number| f32::from_le_bytes(*number)).collect())
}

#[cfg(test)]
mod tests {
    use super::{numbers, text};

    #[test]
    fn numbers_keep_every_bit_and_what_is_none_is_refused() {
        let odd = [0.0, -0.0, 1.0e-45, f32::MAX, f32::INFINITY, 0.1];
        let back = numbers(&text(&odd)).unwrap();
        assert_eq!(back.map_bits(), odd.to_vec().map_bits());
        assert!(numbers(&text(&[f32::NAN])).unwrap()[0].is_nan());
        for refused in ["", "AAA", "AAAA", "AAAAAAA=", "not base64", "AAAAAA"] {
            assert!(numbers(refused).is_err(), "{refused}");
        }
    }

    trait MapBits {
        fn map_bits(&self) -> Vec<u32>;
    }

    impl MapBits for Vec<f32> {
        fn map_bits(&self) -> Vec<u32> {
            self.iter().map(|number| number.to_bits()).collect()
        }
    }
}
