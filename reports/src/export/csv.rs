//! The figures as comma-separated values (RFC 4180).

use crate::judgement::Document;
use crate::statistics::evidence::method::Method;
use std::fmt::Write;

/// Writes one line a figure, with a header line.
pub fn csv(document: &Document) -> String {
    let mut out =
        String::from("figure,value,lower95,upper95,unit,count,total,method,lower95 together,upper95 together\n");
    for f in &document.figures {
        let bound = |bound: Option<f64>| bound.map_or_else(String::new, |b| b.to_string());
        let unit = serde_json::to_value(f.unit).ok();
        let unit = unit.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        let method = field(f.method.map_or("", Method::words));
        let (lower, upper) = (bound(f.lower95), bound(f.upper95));
        let together = (bound(f.together95.map(|t| t.0)), bound(f.together95.map(|t| t.1)));
        let counts = format!("{},{}", f.count, f.total);
        let _ = writeln!(
            out,
            "{},{},{lower},{upper},{unit},{counts},{method},{},{}",
            field(&f.name),
            f.value,
            together.0,
            together.1
        );
    }
    out
}

/// Quotes a field that needs it.
pub(crate) fn field(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(field("plain"), "plain");
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
