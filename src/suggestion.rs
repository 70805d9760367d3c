//! "Did you mean": a near name for one that is not known.

/// Returns `; did you mean X` where `name` is close to an allowed name, otherwise nothing.
pub(crate) fn suggestion<'a>(name: &str, allowed: impl IntoIterator<Item = &'a str>) -> String {
    let near = allowed
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| *distance <= 2.min(known.len() / 2))
        .min();
    near.map_or(String::new(), |(_, known)| format!("; did you mean {known}"))
}
