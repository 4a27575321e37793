//! A direction in whole numbers, so that cosines are exact.

/// One, in the unit of a component.
const ONE: f64 = 32_768.0;

/// The direction of a vector: its components divided by its length, in units of 2⁻¹⁵, rounded half
/// away from zero; a component of 1 is the greatest there is, 1 − 2⁻¹⁵.
///
/// The same on every machine: squares, sums in order, a root and quotients of 64-bit numbers, all
/// of which IEEE 754 defines exactly.
///
/// # Errors
///
/// Says, as of a vector, that a component is no finite number, that all are zero, or that so many
/// are so even that none is half a unit.
#[expect(clippy::cast_possible_truncation, reason = "clamped to the type before")]
pub fn unit(numbers: &[f32]) -> Result<Vec<i16>, String> {
    if let Some(place) = numbers.iter().position(|number| !number.is_finite()) {
        return Err(format!("has {} for component {place}", numbers[place]));
    }
    let square: f64 = numbers.iter().map(|number| f64::from(*number) * f64::from(*number)).sum();
    if square == 0.0 {
        return Err("is zero, which has no direction".into());
    }
    let length = square.sqrt();
    let scaled = |number: &f32| (f64::from(*number) / length * ONE).round();
    let components: Vec<i16> = numbers
        .iter()
        .map(|number| scaled(number).clamp(f64::from(-i16::MAX), f64::from(i16::MAX)) as i16)
        .collect();
    if components.iter().all(|component| *component == 0) {
        return Err("is too even for its direction to be kept".into());
    }
    Ok(components)
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn directions_are_rounded_half_away_from_zero() {
        assert_eq!(unit(&[3.0, -4.0]).unwrap(), [19_661, -26_214]);
        assert_eq!(unit(&[1.0e-45, 0.0]).unwrap(), [32_767, 0], "however short");
        assert_eq!(unit(&[0.0, f32::MIN]).unwrap(), [0, -32_767], "however long");
        // The squares sum to 2³², so that a component of 1 is half a unit to the last bit.
        assert_eq!(unit(&[1.0, -1.0, 65_535.0, 362.0, 5.0]).unwrap()[..2], [1, -1]);
        assert_eq!(unit(&[0.99, -0.99, 65_535.0, 362.0, 5.0]).unwrap()[..2], [0, 0]);
    }

    #[test]
    fn what_has_no_direction_is_refused_with_a_reason() {
        let said = |numbers: &[f32]| unit(numbers).unwrap_err();
        assert_eq!(said(&[1.0, f32::NAN]), "has NaN for component 1");
        assert_eq!(said(&[f32::NEG_INFINITY]), "has -inf for component 0");
        assert_eq!(said(&[0.0, -0.0]), "is zero, which has no direction");
        assert!(said(&[]).contains("zero"));
    }
}
