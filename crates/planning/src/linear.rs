//! The little linear algebra that the level of days needs.

/// A lower triangular matrix L with L Lᵀ = the matrix it was made from (Cholesky).
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    /// Row `i` has `i + 1` numbers.
    rows: Vec<Vec<f64>>,
}

impl Cholesky {
    /// Decomposes the symmetric matrix of `size` rows whose element is `element(row, column)`, asked
    /// for with `column <= row`. `None` where the matrix is not positive definite.
    pub(crate) fn of(size: usize, element: impl Fn(usize, usize) -> f64) -> Option<Self> {
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(size);
        for row in 0..size {
            let mut made = Vec::with_capacity(row + 1);
            for (column, above) in rows.iter().enumerate() {
                let pivot = above.last().copied()?;
                made.push((element(row, column) - dot(&made, above)) / pivot);
            }
            let pivot = element(row, row) - dot(&made, &made);
            if !(pivot > 0.0 && pivot.is_finite()) {
                return None;
            }
            made.push(pivot.sqrt());
            rows.push(made);
        }
        Some(Self { rows })
    }

    /// Returns the logarithm of the determinant of the decomposed matrix.
    pub(crate) fn ln_determinant(&self) -> f64 {
        self.rows.iter().filter_map(|row| row.last()).map(|pivot| 2.0 * pivot.ln()).sum()
    }

    /// Returns L⁻¹ `right`. The inner product of two such vectors is that of the originals over the
    /// decomposed matrix.
    pub(crate) fn whiten(&self, right: &[f64]) -> Vec<f64> {
        let mut made: Vec<f64> = Vec::with_capacity(right.len());
        for (row, value) in self.rows.iter().zip(right) {
            let pivot = row.last().copied().unwrap_or(1.0);
            made.push((value - dot(&made, row)) / pivot);
        }
        made
    }

    /// Returns the solution x of `matrix` x = `right`.
    pub(crate) fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut made = self.whiten(right);
        for (index, row) in self.rows.iter().enumerate().rev() {
            let Some((pivot, others)) = row.split_last() else { continue };
            let (before, from) = made.split_at_mut(index);
            let Some(value) = from.first_mut() else { continue };
            *value /= pivot;
            for (other, factor) in before.iter_mut().zip(others) {
                *other -= factor * *value;
            }
        }
        made
    }

    /// Returns the inverse of the decomposed matrix, row by row.
    pub(crate) fn inverse(&self) -> Vec<Vec<f64>> {
        let size = self.rows.len();
        let unit = |at: usize| (0..size).map(move |row| if row == at { 1.0 } else { 0.0 });
        (0..size).map(|at| self.solve(&unit(at).collect::<Vec<f64>>())).collect()
    }
}

/// Returns the inner product over the length of the shorter.
pub(crate) fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATRIX: [[f64; 3]; 3] = [[4.0, 2.0, 0.6], [2.0, 5.0, 1.0], [0.6, 1.0, 3.0]];

    fn matrix() -> Cholesky {
        Cholesky::of(3, |row, column| MATRIX[row][column]).unwrap()
    }

    #[test]
    fn solution_gives_the_right_side_back() {
        let right = [1.0, -2.0, 0.5];
        let solution = matrix().solve(&right);
        for (row, expected) in MATRIX.iter().zip(right) {
            assert!((dot(row, &solution) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn inverse_times_the_matrix_is_one() {
        for (at, column) in matrix().inverse().iter().enumerate() {
            for (row, values) in MATRIX.iter().enumerate() {
                let expected = if row == at { 1.0 } else { 0.0 };
                assert!((dot(values, column) - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn determinant_and_inner_products_are_those_of_the_matrix() {
        let determinant: f64 = 4.0 * (15.0 - 1.0) - 2.0 * (6.0 - 0.6) + 0.6 * (2.0 - 3.0);
        assert!((matrix().ln_determinant() - determinant.ln()).abs() < 1e-12);
        let right = [1.0, 2.0, 3.0];
        let white = matrix().whiten(&right);
        assert!((dot(&white, &white) - dot(&right, &matrix().solve(&right))).abs() < 1e-12);
    }

    #[test]
    fn matrix_that_is_not_positive_definite_has_no_decomposition() {
        assert!(Cholesky::of(2, |_, _| 1.0).is_none());
        assert!(Cholesky::of(1, |_, _| f64::NAN).is_none());
    }
}
