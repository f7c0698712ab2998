//! The report in a real browser: nothing is fetched, nothing is complained about, every section is there and none is
//! wider than the window, with and without its script; the script moves the threshold, sorts and searches; axe finds
//! nothing.
//!
//! Needs Chromium (Debian's package `chromium`), and axe (the Python package `axe-core-python`). Without them a test says so and checks nothing, unless
//! `BIOPAY_REQUIRE_PEERS` is set.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use std::path::Path;
use std::process::Command;

/// Appended to a copy of the report: what was laid out, as JSON in an element of its own.
const MEASURE: &str = r#"<script>
addEventListener("load", () => {
  document.querySelectorAll("details").forEach(d => d.open = true);
  const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.right, r.height]; };
  const sections = [...document.querySelectorAll("section")].map(s => [s.id, ...box(s)]);
  const broken = [...document.images].filter(i => !i.complete || i.naturalWidth === 0).length;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const style = getComputedStyle(document.body);
  const out = document.createElement("output");
  out.id = "measured";
  out.textContent = JSON.stringify({ sections, broken, dark, paper: style.backgroundColor, ink: style.color,
    width: innerWidth, wide: document.documentElement.scrollWidth });
  document.body.append(out);
  if (parent !== window) parent.postMessage(out.textContent, "*");
});
</script>"#;
/// A window is at least 500 pixels wide; a phone's width needs a frame.
const PHONE: &str = r#"<!doctype html><meta charset="utf-8"><body style="margin:0"><iframe src="measured.html" width="390" height="844" style="border:0"></iframe><script>
addEventListener("message", e => { const o = document.createElement("output"); o.id = "measured"; o.textContent = e.data; document.body.append(o); });
</script>"#;

fn chromium() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success()));
    if found.is_none() {
        assert!(std::env::var_os("BIOPAY_REQUIRE_PEERS").is_none(), "Chromium is not installed");
        eprintln!("not checked: Chromium is not installed");
    }
    found
}

/// Opens a page and returns its document and what the browser logged.
fn open(browser: &str, page: &Path, more: &[&str]) -> (String, String) {
    let profile = tempfile::tempdir().expect("a temporary folder");
    let done = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1280,900"])
        .args(["--disable-background-networking", "--disable-component-update", "--no-first-run"])
        .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(more)
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser starts");
    (String::from_utf8_lossy(&done.stdout).into_owned(), String::from_utf8_lossy(&done.stderr).into_owned())
}

fn measured(document: &str) -> serde_json::Value {
    let text = document.split("id=\"measured\">").nth(1).and_then(|rest| rest.split("</output>").next());
    let text = text.unwrap_or_else(|| panic!("nothing was measured: {document:.2000}")).replace("&amp;", "&");
    serde_json::from_str(&text).expect("the script writes JSON")
}

/// Returns the addresses that a page asked for over a network, from the browser's own network log. What the browser
/// asks for on its own account has no page for an origin.
fn requests(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).expect("the network log is there");
    let log: serde_json::Value = serde_json::from_str(&text).expect("the browser wrote its network log");
    let of_a_page = |event: &serde_json::Value| {
        let params = &event["params"];
        let url = params["url"].as_str().filter(|url| url.starts_with("http"))?;
        params["initiator"].as_str().filter(|origin| *origin != "not an origin").map(|_| url.to_owned())
    };
    log["events"].as_array().expect("the network log has events").iter().filter_map(of_a_page).collect()
}

/// The search for requests finds one where there is one.
#[test]
fn a_request_would_be_seen() {
    let Some(browser) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    std::fs::write(&page, r#"<!doctype html><img src="http://127.0.0.1:9/pixel.png">"#).unwrap();
    let log = folder.path().join("net.json");
    open(browser, &page, &[&format!("--log-net-log={}", log.display())]);
    assert!(requests(&log).contains(&"http://127.0.0.1:9/pixel.png".to_owned()), "{:?}", requests(&log));
}

fn report(folder: &Path) -> String {
    // A low threshold, so that impostors are accepted and there are cases to open.
    let settings = ["handsets=10", "impostors.share=1", "schemes.parameters.template-threshold=0.51"];
    let thresholds = r#"thresholds=["money.violations == 0","template.far < 1e-4","template.fnmr < 1e-6"]"#;
    let done = Command::new(env!("CARGO_BIN_EXE_biopay"))
        .args(["run", "stored-qr", "--seed", "3", "--out", "run"])
        .args(settings.iter().chain([&thresholds]).flat_map(|setting| ["--set", setting]))
        .current_dir(folder)
        .output()
        .expect("the program starts");
    assert_eq!(done.status.code(), Some(3), "{}", String::from_utf8_lossy(&done.stderr));
    std::fs::read_to_string(folder.join("run/report.html")).expect("the run has a report")
}

#[test]
fn the_report_reads_well_in_a_browser() {
    let Some(browser) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = report(folder.path());
    let with = |text: &str| text.replace("</body>", &format!("{MEASURE}</body>"));
    std::fs::write(folder.path().join("measured.html"), with(&without_scripts(&text))).unwrap();
    std::fs::write(folder.path().join("scripted.html"), with(&text)).unwrap();
    std::fs::write(folder.path().join("phone.html"), PHONE).unwrap();
    let log = folder.path().join("net.json");
    let log_option = format!("--log-net-log={}", log.display());
    let pages =
        [("measured.html", 1280, 1), ("measured.html", 1280, 0), ("phone.html", 390, 1), ("scripted.html", 1280, 1)];
    for (page, width, scheme) in pages {
        let preferred = format!("--blink-settings=preferredColorScheme={scheme}");
        let (document, said) = open(browser, &folder.path().join(page), &[&preferred, &log_option]);
        let complaints: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
        assert_eq!(requests(&log), Vec::<String>::new());
        let m = measured(&document);
        assert_eq!((m["width"].as_i64(), m["broken"].as_i64()), (Some(width), Some(0)), "{m}");
        assert_eq!(m["dark"].as_bool(), Some(scheme == 0), "{m}");
        assert!(m["wide"].as_i64() <= Some(width), "the page is wider than the window: {m}");
        let ids: Vec<&str> = m["sections"].as_array().unwrap().iter().filter_map(|s| s[0].as_str()).collect();
        let expected = [
            "verdict",
            "figures",
            "comparison",
            "payments",
            "attacks",
            "cases",
            "performance",
            "patent",
            "samples",
            "run",
        ];
        assert!(expected.iter().all(|id| ids.contains(id)) && ids[0] == "verdict", "{ids:?}");
        for section in m["sections"].as_array().unwrap() {
            assert!(section[3].as_f64() > Some(40.0), "section {section} is not visible");
        }
    }
}

/// Removes every script of a page.
fn without_scripts(page: &str) -> String {
    let mut parts = page.split("<script");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once("</script>").expect("a script ends").1)
}

/// Moves the threshold to its lowest place, sorts a table twice and searches another; says what the page shows.
const DRIVE: &str = r##"<script>
addEventListener("load", () => {
  const rates = () => document.getElementById("threshold-rates").innerText;
  const markers = () => [...document.querySelectorAll(".moved")].map(m => m.getAttribute("d") || m.getAttribute("cx"));
  const out = { stated: rates(), stated_markers: markers() };
  const slider = document.getElementById("threshold");
  slider.value = 0;
  slider.dispatchEvent(new Event("input"));
  Object.assign(out, { lowest: rates(), lowest_markers: markers() });
  const table = document.querySelector("#performance table"), heading = table.querySelectorAll("th")[1];
  const counts = () => [...table.tBodies[0].rows].map(r => Number(r.cells[1].textContent.replaceAll(",", "")));
  out.orders = [0, 1].map(() => { heading.querySelector("button").click(); return [heading.getAttribute("aria-sort"), counts()]; });
  const search = document.querySelector("#patent input[type=search]");
  search.value = "debits at";
  search.dispatchEvent(new Event("input"));
  out.found = [...document.querySelectorAll("#patent tbody tr")].filter(r => r.offsetHeight > 0).map(r => r.cells[1].textContent);
  const chart = document.querySelector("#performance svg");
  chart.focus();
  chart.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
  out.said = document.querySelector(".tip").textContent;
  const line = () => chart.querySelector("path.line").getAttribute("d"), whole = line();
  chart.nextElementSibling.querySelector("button").click();
  out.is_zoomed = line() !== whole;
  // What a press copies is what stands in the field that is selected then.
  document.execCommand = () => { (out.copied ||= []).push(document.activeElement.value); return true; };
  table.parentElement.previousElementSibling.querySelectorAll("button").forEach(button => button.click());
  const journeys = () => [...document.querySelectorAll("#payments tbody tr")].filter(r => r.offsetHeight > 0).map(r => r.cells[0].textContent);
  out.all = journeys();
  const filter = document.getElementById("filter-journey");
  filter.value = "impostor";
  filter.dispatchEvent(new Event("change"));
  out.impostors = journeys();
  const measured = document.createElement("output");
  measured.id = "measured";
  measured.textContent = JSON.stringify(out);
  document.body.append(measured);
});
</script>"##;

/// The figures at the operating threshold are those that Rust wrote into `summary.json`.
#[test]
fn the_script_moves_the_threshold_sorts_and_searches() {
    let Some(browser) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = report(folder.path()).replace("</body>", &format!("{DRIVE}</body>"));
    let page = folder.path().join("driven.html");
    std::fs::write(&page, text).unwrap();
    let (document, said) = open(browser, &page, &[]);
    assert!(!said.contains("CONSOLE"), "{said}");
    let m = measured(&document);
    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("run/summary.json")).unwrap()).unwrap();
    let figure = |name: &str| summary["figures"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap();
    let texts = |key: &str| m[key].as_str().unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    let (stated, lowest) = (texts("stated"), texts("lowest"));
    assert!(stated[0].starts_with("Threshold 0.51 (the operating threshold"), "{stated:?}");
    for (line, name) in [(&stated[1], "template.fmr"), (&stated[2], "template.fnmr")] {
        let figure = figure(name);
        assert!(line.contains(&format!(", {}/{} (", figure["count"], figure["total"])), "{line} {figure}");
        let bounds = line.split(['[', ']']).nth(1).unwrap().split(", ").map(|b| b.trim_end_matches(" %"));
        for (shown, key) in bounds.zip(["lower95", "upper95"]) {
            let (shown, expected): (f64, f64) = (shown.parse().unwrap(), 100.0 * figure[key].as_f64().unwrap());
            assert!((shown - expected).abs() <= 0.006 * expected, "{line} {figure}");
        }
    }
    assert_eq!(stated.len(), 4, "a verdict on template.fnmr: {stated:?}");
    assert!(lowest[1].starts_with("FMR 100 %") && lowest[2].starts_with("FNMR 0 %"), "{lowest:?}");
    assert_eq!(m["stated_markers"].as_array().map(Vec::len), Some(3));
    assert!((0..3).all(|i| m["stated_markers"][i] != m["lowest_markers"][i]), "{m}");
    for (index, direction) in ["ascending", "descending"].iter().enumerate() {
        let order = &m["orders"][index];
        let counts: Vec<u64> = order[1].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        let is_ordered = if index == 0 { counts.is_sorted() } else { counts.iter().rev().is_sorted() };
        assert!(order[0] == *direction && is_ordered && counts[0] != counts[counts.len() - 1], "{order}");
    }
    assert_eq!(m["found"], serde_json::json!(["debits at the bank"]));
    assert!(m["said"].as_str().unwrap().contains("latency in ms ") && m["is_zoomed"] == true, "{m}");
    copied_and_filtered(&m);
}

/// Checks that another reader of CSV finds every cell that was copied, LaTeX as many, and that the filter leaves impostors.
fn copied_and_filtered(m: &serde_json::Value) {
    let [comma, latex] = [0, 1].map(|i| m["copied"][i].as_str().unwrap().to_owned());
    let mut reader = csv::Reader::from_reader(comma.as_bytes());
    let columns = reader.headers().unwrap().len();
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    assert!(columns > 3 && !rows.is_empty() && rows.len() == m["orders"][0][1].as_array().unwrap().len(), "{comma}");
    let lines: Vec<&str> = latex.lines().filter(|line| line.ends_with("\\\\")).collect();
    assert_eq!(lines.len(), rows.len() + 1, "{latex}");
    let cells = |line: &&str| line.replace("\\&", "").matches('&').count() + 1;
    assert!(lines.iter().all(|line| cells(line) == columns), "{latex}");
    let list =
        |key: &str| m[key].as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let (all, impostors) = (list("all"), list("impostors"));
    let is_impostor = |row: &String| row.contains("impostor");
    assert!(all.iter().any(|row| row.contains("stored")) && impostors.iter().any(is_impostor), "{all:?} {impostors:?}");
    assert!(!impostors.iter().any(|row| row.contains(", stored")), "{impostors:?}");
}

/// Two runs on one page: as sound as the report, with both in each plot.
#[test]
fn a_comparison_reads_well_in_a_browser() {
    let (Some(browser), Some(axe)) = (chromium(), axe()) else { return };
    let folder = tempfile::tempdir().unwrap();
    report(folder.path());
    let compared = Command::new(env!("CARGO_BIN_EXE_biopay"))
        .args(["compare", "run", "run", "--html", "comparison.html"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));
    let text = std::fs::read_to_string(folder.path().join("comparison.html")).unwrap();
    for words in ["template.fmr", "template.fnmr", "charge.p99", ">A</text>", ">B</text>"] {
        assert!(text.contains(words), "{words}");
    }
    let page = folder.path().join("measured.html");
    std::fs::write(&page, text.replace("</body>", &format!("<script>{axe}</script>{AXE}</body>"))).unwrap();
    let log = folder.path().join("net.json");
    let (document, said) = open(browser, &page, &[&format!("--log-net-log={}", log.display())]);
    assert!(!said.contains("CONSOLE"), "{said}");
    assert_eq!(requests(&log), Vec::<String>::new());
    assert_eq!(measured(&document)["violations"], serde_json::json!([]));
}

/// Runs axe and writes what it finds.
const AXE: &str = r#"<script>
addEventListener("load", () => {
 document.querySelectorAll("details").forEach(d => d.open = true);
 axe.run().then(found => {
  const out = document.createElement("output");
  out.id = "measured";
  out.textContent = JSON.stringify({ width: innerWidth, passed: found.passes.length,
    violations: found.violations.flatMap(v => v.nodes.map(n => v.id + " " + n.target.join(" "))) });
  document.body.append(out);
  if (parent !== window) parent.postMessage(out.textContent, "*");
 });
});
</script>"#;

/// Returns the text of axe, a checker of accessibility that we did not write.
fn axe() -> Option<String> {
    let find = "import axe_core_python, os; print(os.path.dirname(axe_core_python.__file__) + '/axe.min.js')";
    let found = Command::new("python3").args(["-c", find]).output().ok().filter(|o| o.status.success());
    if found.is_none() {
        assert!(std::env::var_os("BIOPAY_REQUIRE_PEERS").is_none(), "axe-core-python is not installed");
        eprintln!("not checked: axe-core-python is not installed");
    }
    let path = String::from_utf8(found?.stdout).expect("a path");
    Some(std::fs::read_to_string(path.trim()).expect("axe is there"))
}

#[test]
fn axe_finds_nothing_at_three_widths_light_and_dark() {
    let (Some(browser), Some(axe)) = (chromium(), axe()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = report(folder.path()).replace("</body>", &format!("<script>{axe}</script>{AXE}</body>"));
    std::fs::write(folder.path().join("measured.html"), text).unwrap();
    std::fs::write(folder.path().join("phone.html"), PHONE).unwrap();
    for (page, width) in [("phone.html", 390), ("measured.html", 768), ("measured.html", 1440)] {
        for scheme in [1, 0] {
            let preferred = format!("--blink-settings=preferredColorScheme={scheme}");
            let size = format!("--window-size={},900", width.max(500));
            let (document, _) = open(browser, &folder.path().join(page), &[&preferred, &size]);
            let m = measured(&document);
            assert_eq!(m["width"].as_i64(), Some(width), "{m}");
            assert!(m["passed"].as_i64() > Some(10), "axe has looked: {m}");
            assert_eq!(m["violations"], serde_json::json!([]), "at {width}, scheme {scheme}");
        }
    }
}

#[test]
fn the_report_prints() {
    let Some(browser) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    report(folder.path());
    let pdf = folder.path().join("report.pdf");
    open(browser, &folder.path().join("run/report.html"), &[&format!("--print-to-pdf={}", pdf.display())]);
    let bytes = std::fs::read(&pdf).expect("a PDF was written");
    assert!(bytes.starts_with(b"%PDF") && bytes.len() > 50_000, "{} bytes", bytes.len());
}
