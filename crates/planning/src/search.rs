//! The least whole number for which something holds.

/// Returns the least number of 0 to `most` for which `reaches` holds; `None` where it does not hold
/// for `most`. Where it holds for a number it has to hold for all that are greater. The search
/// begins at `guess` and takes about twice the logarithm of the distance to it.
pub(crate) fn least<E>(
    guess: u32,
    most: u32,
    reaches: impl Fn(u32) -> Result<bool, E>,
) -> Result<Option<u32>, E> {
    // All numbers below `low` fail, and in the end `high` reaches.
    let (mut low, mut high) = (0, guess.min(most));
    let mut step = 1;
    if reaches(high)? {
        while low < high {
            let below = high.saturating_sub(step);
            if !reaches(below)? {
                low = below + 1;
                break;
            }
            high = below;
            step *= 2;
        }
    } else {
        loop {
            low = high + 1;
            if high == most {
                return Ok(None);
            }
            high = high.saturating_add(step).min(most);
            if reaches(high)? {
                break;
            }
            step *= 2;
        }
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if reaches(middle)? { high = middle } else { low = middle + 1 }
    }
    Ok(Some(high))
}

#[cfg(test)]
mod tests {
    use super::least;

    #[test]
    fn least_is_found_from_every_guess_and_is_none_past_the_most() {
        for answer in 0..40_u32 {
            for guess in 0..45 {
                let found = least(guess, 30, |n| Ok::<_, ()>(n >= answer)).unwrap();
                assert_eq!(found, (answer <= 30).then_some(answer), "guess {guess}");
            }
        }
    }
}
