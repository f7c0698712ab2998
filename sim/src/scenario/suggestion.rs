//! Faults of a scenario in a user's words, with the nearest known name.

/// The least similarity of a suggested name, of at most 1 (Jaro and Winkler).
const SIMILAR: f64 = 0.75;

/// Rewrites what the TOML reader says of a table that does not fit a scenario: who reads it knows keys and values, not
/// types.
pub(super) fn in_words(message: &str) -> String {
    let (fault, place) = message.trim_end().split_once("\nin `").unwrap_or((message.trim_end(), ""));
    let key = place.trim_end_matches('`');
    if let Some((given, wanted)) = fault.strip_prefix("invalid ").and_then(|rest| rest.split_once(", expected ")) {
        let given = given.trim_start_matches("type: ").trim_start_matches("value: ");
        return format!("{key} needs {}, but {} was given", wanted_words(wanted), given_words(given));
    }
    let section = if key.is_empty() { String::new() } else { format!(" in {key}") };
    if let Some((unknown, known)) = names(fault, "unknown field ") {
        return format!("there is no key {unknown:?}{section}{}", known_words(unknown, &known));
    }
    if let Some((unknown, known)) = names(fault, "unknown variant ") {
        return format!("{key} cannot be {unknown:?}{}", known_words(unknown, &known));
    }
    match fault.strip_prefix("missing field ") {
        Some(name) => format!("the key {name} is missing{section}"),
        None => message.trim_end().to_owned(),
    }
}

/// Splits a fault that names an unknown word and the known ones.
fn names<'a>(fault: &'a str, kind: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let mut named = fault.strip_prefix(kind)?.split('`').skip(1).step_by(2);
    Some((named.next()?, named.collect()))
}

fn known_words(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known.iter().copied()) {
        Some(name) => format!("; did you mean {name:?}? Known: {}", known.join(", ")),
        None => format!(": use one of {}", known.join(", ")),
    }
}

fn given_words(given: &str) -> String {
    let quoted = given.split('`').nth(1).unwrap_or_default();
    match given.split_whitespace().next() {
        Some("string") => format!("the text {}", given.trim_start_matches("string ")),
        Some("integer" | "floating") => format!("the number {quoted}"),
        Some("boolean") => quoted.to_owned(),
        Some("sequence") => "a list".into(),
        Some("map") => "a section".into(),
        Some(_) | None => given.to_owned(),
    }
}

fn wanted_words(wanted: &str) -> &str {
    match wanted {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number of at least 0",
        "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text in quotes",
        "a sequence" => "a list, as in [\"template\", \"biohash\"]",
        "string or table" => "a name in quotes",
        other if other.contains("struct") || other.contains("enum") || other.contains("map") => "a section with keys",
        other => other,
    }
}

/// Returns the known name that is most similar to an unknown one, or differs from it by a slip of one letter; `None`
/// where none is similar.
pub(crate) fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let similarity = |name: &str| {
        let is_slip = unknown.len() > 2 && strsim::damerau_levenshtein(unknown, name) == 1;
        strsim::jaro_winkler(unknown, name).max(if is_slip { SIMILAR } else { 0.0 })
    };
    known
        .into_iter()
        .map(|name| (similarity(name), name))
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
        assert!(in_words(message).contains("did you mean \"handsets\"?"));
        let far = "unknown field `xyzzy`, expected one of `name`, `handsets`";
        assert_eq!(in_words(far), "there is no key \"xyzzy\": use one of name, handsets");
        assert_eq!(nearest("rnu", ["run", "merge"]), Some("run"));
        assert_eq!(nearest("6g", ["2g", "5g"]), None);
    }

    #[test]
    fn types_are_said_in_words() {
        for (message, words) in [
            (
                "invalid type: string \"many\", expected u32\nin `handsets`\n",
                "handsets needs a whole number from 0 to 4294967295, but the text \"many\" was given",
            ),
            (
                "invalid type: floating point `2.5`, expected u32\nin `handsets`\n",
                "handsets needs a whole number from 0 to 4294967295, but the number 2.5 was given",
            ),
            (
                "invalid type: integer `5`, expected struct Biometric\nin `biometric`\n",
                "biometric needs a section with keys, but the number 5 was given",
            ),
            ("missing field `kind`\nin `attack`\n", "the key `kind` is missing in attack"),
        ] {
            assert_eq!(in_words(message), words);
        }
    }
}
