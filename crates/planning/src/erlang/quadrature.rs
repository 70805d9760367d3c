//! Numerical integration: Gauss and Legendre's rule on panels.

/// Abscissas and weights of the rule with 16 points on -1 to 1 (Abramowitz and Stegun, table 25.4):
/// the positive half; the other half mirrors it.
const RULE: [(f64, f64); 8] = [
    (0.095_012_509_837_637_44, 0.189_450_610_455_068_5),
    (0.281_603_550_779_258_9, 0.182_603_415_044_923_6),
    (0.458_016_777_657_227_4, 0.169_156_519_395_002_54),
    (0.617_876_244_402_643_7, 0.149_595_988_816_576_73),
    (0.755_404_408_355_003, 0.124_628_971_255_533_87),
    (0.865_631_202_387_831_7, 0.095_158_511_682_492_78),
    (0.944_575_023_073_232_6, 0.062_253_523_938_647_894),
    (0.989_400_934_991_649_9, 0.027_152_459_411_754_095),
];

/// Returns the integrals of several functions from `from` to `to`.
pub(super) fn panel<const N: usize>(
    from: f64,
    to: f64,
    functions: impl Fn(f64) -> [f64; N],
) -> [f64; N] {
    let (middle, half) = ((from + to) / 2.0, (to - from) / 2.0);
    let mut sums = [0.0; N];
    for (x, weight) in RULE {
        for at in [middle - half * x, middle + half * x] {
            for (sum, value) in sums.iter_mut().zip(functions(at)) {
                *sum += weight * half * value;
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::panel;

    #[test]
    fn polynomials_up_to_degree_31_are_exact() {
        for degree in 0..32_i32 {
            let [integral] = panel(0.0, 1.0, |x| [x.powi(degree)]);
            let exact = 1.0 / f64::from(degree + 1);
            assert!((integral / exact - 1.0).abs() < 2e-15, "degree {degree}: {integral}");
        }
    }
}
