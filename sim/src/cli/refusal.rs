//! Refusals of the command line in a user's words.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What the standard library says of a text that is not a number, and what a user can do about it.
const NUMBERS: [(&str, &str); 7] = [
    ("invalid digit found in string", "use a whole number of at least 0"),
    ("number too large to fit in target type", "the number is too large"),
    ("number too small to fit in target type", "the number is too small"),
    ("cannot parse integer from empty string", "use a whole number"),
    ("invalid float literal", "use a number, as in 0.5 or 1e-4"),
    ("cannot parse float from empty string", "use a number, as in 0.5 or 1e-4"),
    ("provided string was not `true` or `false`", "use true or false"),
];

/// Prints a refusal, or the help that was asked for, and ends the process as clap would: with 2 for a refusal.
#[expect(clippy::wildcard_enum_match_arm, reason = "the type is another crate's")]
pub(super) fn exit(error: &clap::Error, commands: &clap::Command) -> ! {
    match error.kind() {
        ErrorKind::ValueValidation | ErrorKind::InvalidSubcommand => eprint!("{}", in_words(error, commands)),
        // Help and version are printed as they are; a closed pipe is no fault of ours.
        _ => drop(error.print()),
    }
    std::process::exit(error.exit_code());
}

fn in_words(error: &clap::Error, commands: &clap::Command) -> String {
    let text = NUMBERS.iter().fold(error.to_string(), |text, (from, to)| text.replace(from, to));
    let text = ranges(&text);
    let unknown = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(unknown)) if error.get(ContextKind::SuggestedSubcommand).is_none() => unknown,
        Some(_) | None => return text,
    };
    match crate::scenario::nearest(unknown, commands.get_subcommands().map(clap::Command::get_name)) {
        Some(name) => text.replacen("\n\n", &format!("\n\n  tip: a similar subcommand exists: '{name}'\n\n"), 1),
        None => text.replacen("\n\n", "\n\n  tip: 'biopay help' lists the commands\n\n", 1),
    }
}

/// Writes a range as words: `0 is not in 1..=9` as `0 must lie from 1 to 9`.
fn ranges(text: &str) -> String {
    match text.split_once(" is not in ") {
        Some((head, tail)) => format!("{head} must lie from {}", tail.replacen("..=", " to ", 1)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_said_in_words() {
        assert_eq!(ranges("'0': 0 is not in 1..=9\n"), "'0': 0 must lie from 1 to 9\n");
        assert_eq!(ranges("nothing"), "nothing");
    }
}
