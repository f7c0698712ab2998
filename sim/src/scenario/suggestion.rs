//! Suggestions for unknown keys: the nearest known name.

/// The least similarity of a suggested name, of at most 1 (Jaro and Winkler).
const SIMILAR: f64 = 0.75;

/// Adds the nearest known name to an error that lists the known ones.
pub(super) fn with_suggestion(message: &str) -> String {
    let named: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((unknown, known)) = named.split_first() else { return message.to_owned() };
    match nearest(unknown, known.iter().copied()) {
        Some(name) => format!("{}\ndid you mean `{name}`?", message.trim_end()),
        None => message.to_owned(),
    }
}

/// Returns the known name that is most similar to an unknown one; `None` where none is similar.
pub(super) fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(unknown, name), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_nothing_far() {
        let message = "unknown field `handset`, expected one of `name`, `handsets`, `schemes`";
        assert!(with_suggestion(message).ends_with("did you mean `handsets`?"));
        let far = "unknown field `xyzzy`, expected one of `name`, `handsets`";
        assert_eq!(with_suggestion(far), far);
    }
}
