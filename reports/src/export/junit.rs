//! Thresholds as the test cases of a JUnit report, as continuous integration shows them.

use crate::judgement::Document;
use crate::judgement::threshold::{Judged, Verdict};
use crate::text::escape;
use crate::text::metric_text;
use std::fmt::Write;

/// Writes one test case a threshold and figure: a failed one as a failure, one without enough evidence as an error, so
/// that a build is red for both.
pub fn junit(document: &Document) -> String {
    let verdicts = &document.thresholds;
    let (failed, open) = (verdicts.count(Verdict::Failed), verdicts.count(Verdict::NotEnoughEvidence));
    let totals = format!(r#"tests="{}" failures="{failed}" errors="{open}""#, verdicts.0.len());
    let name = escape(&document.run.scenario);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, r#"<testsuites name="biopay" {totals}>"#);
    let seconds = document.run.duration_us as f64 / 1e6;
    let _ = writeln!(out, r#"  <testsuite name="{name}" {totals} skipped="0" time="{seconds:.3}">"#);
    let _ = writeln!(
        out,
        r#"    <properties><property name="command" value="{}"/><property name="seed" value="{}"/><property name="digest" value="{}"/></properties>"#,
        escape(&document.run.command),
        document.run.seed,
        escape(&document.run.digest)
    );
    verdicts.0.iter().for_each(|judged| case(&mut out, &name, judged));
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(out: &mut String, suite: &str, judged: &Judged) {
    let name = escape(&format!("{} [{}]", judged.threshold, judged.figure));
    let _ = write!(out, r#"    <testcase classname="{suite}" name="{name}""#);
    let element = match judged.verdict {
        Verdict::Passed => {
            out.push_str("/>\n");
            return;
        }
        Verdict::Failed => "failure",
        Verdict::NotEnoughEvidence => "error",
    };
    let observed = judged.observed.as_ref().map_or_else(|| "not observed".to_owned(), metric_text);
    let message = escape(&format!("{}: {observed} {}", judged.verdict.words(), judged.note));
    let kind = judged.verdict.words().replace(' ', "-");
    let _ = writeln!(out, r#"><{element} type="{kind}" message="{}"/></testcase>"#, message.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::RunIdentity;
    use crate::judgement::threshold::Verdicts;

    #[test]
    fn a_case_a_threshold_with_its_text_escaped() {
        let judged = |verdict| Judged {
            threshold: "fmr < 1e-4".into(),
            figure: "template.fmr".into(),
            verdict,
            observed: None,
            note: "why".into(),
        };
        let verdicts = [Verdict::Passed, Verdict::Failed, Verdict::NotEnoughEvidence].map(judged);
        let run = RunIdentity {
            scenario: "a\"b".into(),
            seed: 1,
            clock: "virtual".into(),
            program: String::new(),
            command: "x < y".into(),
            handsets: 1,
            duration_us: 1_500_000,
            complete: true,
            digest: String::new(),
        };
        let document =
            Document { version: 1, run, verdict: None, thresholds: Verdicts(verdicts.into()), figures: vec![] };
        let xml = junit(&document);
        assert!(xml.contains(r#"tests="3" failures="1" errors="1""#), "{xml}");
        assert!(xml.contains(r#"name="fmr &lt; 1e-4 [template.fmr]"/>"#), "{xml}");
        assert!(xml.contains("<failure type=\"failed\"") && xml.contains("<error type=\"not-enough-evidence\""));
        assert!(!xml.contains("a\"b") && !xml.contains("x < y"));
    }
}
