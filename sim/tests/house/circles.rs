//! Import circles: counted by the names that files take from each other, between the files of a folder and between its
//! folders. A re-export is followed to the file that defines the name, so that a `mod.rs` that only hands names on ties
//! nothing together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type ModulePath = Vec<String>;

/// The modules of one crate, with what each imports.
pub struct Modules {
    files: BTreeMap<ModulePath, Module>,
}

struct Module {
    /// The path below the crate's `src`.
    file: String,
    /// The source without comments, texts, tests and `use` declarations.
    body: String,
    uses: Vec<Use>,
}

struct Use {
    is_exported: bool,
    path: ModulePath,
    /// The name that it goes by in this module.
    name: String,
}

/// A circle: the children of a folder that import each other, with one import for each tie.
pub struct Circle {
    /// The folder below the crate's `src`; empty for `src` itself.
    pub folder: String,
    /// Files and folders in it.
    pub children: Vec<String>,
    /// Lines that say who imports what from whom.
    pub ties: Vec<String>,
}

impl Modules {
    /// Reads every file below a crate's `src`, but for binaries.
    pub fn read(source: &Path) -> Self {
        let mut files = BTreeMap::new();
        for path in super::files_under(source, "rs") {
            let file = path.strip_prefix(source).expect("it lies below").display().to_string();
            let mut module: ModulePath = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            match module.last().map(String::as_str) {
                Some("lib") | Some("mod") => drop(module.pop()),
                Some("main") => continue,
                Some(_) if module[0] == "bin" => continue,
                Some(_) | None => {}
            }
            let text = without_tests(&without_texts(&fs::read_to_string(&path).expect("sources are text")));
            let (uses, body) = split_uses(&text);
            files.insert(module, Module { file, body, uses });
        }
        Self { files }
    }

    /// Counts the modules of the crate's `src` folder itself: files and folders.
    pub fn top_level(&self) -> usize {
        let roots: BTreeSet<&String> = self.files.keys().filter_map(|path| path.first()).collect();
        roots.len()
    }

    /// Finds every circle, folder by folder.
    pub fn circles(&self) -> Vec<Circle> {
        let imports = self.imports();
        let mut folders = BTreeSet::from([String::new()]);
        for module in self.files.values() {
            let parents = Path::new(&module.file).ancestors().skip(1);
            folders.extend(parents.map(|folder| folder.display().to_string()));
        }
        folders.iter().flat_map(|folder| circles_in(folder, &imports)).collect()
    }

    /// Lists the imports between files: who, from whom, what.
    fn imports(&self) -> BTreeSet<(String, String, String)> {
        let mut out = BTreeSet::new();
        for (path, module) in &self.files {
            for named in self.named_by(path, module) {
                let Some((target, name)) = self.resolve(&named, &mut BTreeSet::new()) else { continue };
                let target = &self.files[&target];
                if target.file != module.file && target.file != "lib.rs" && module.file != "lib.rs" {
                    out.insert((module.file.clone(), target.file.clone(), name));
                }
            }
        }
        out
    }

    /// Lists the full paths of what a module names: what it imports, and what it reaches by a path.
    fn named_by(&self, path: &[String], module: &Module) -> Vec<ModulePath> {
        let mut aliases = BTreeMap::new();
        let mut named = Vec::new();
        for used in &module.uses {
            let Some(full) = self.absolute(&used.path, path, &BTreeMap::new()) else { continue };
            if !used.is_exported {
                named.push(full.clone());
            }
            aliases.insert(used.name.clone(), full);
        }
        for inline in inline_paths(&module.body) {
            named.extend(self.absolute(&inline, path, &aliases));
        }
        named
    }

    /// Returns a path from the crate's root; nothing for what lies in another crate.
    fn absolute(&self, path: &[String], from: &[String], aliases: &BTreeMap<String, ModulePath>) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([from, rest].concat()),
            "super" => {
                let (parents, rest) = rest.split_at(rest.iter().take_while(|part| *part == "super").count());
                let above = from.len().checked_sub(1 + parents.len())?;
                Some([&from[..above], rest].concat())
            }
            _ => match aliases.get(first) {
                Some(alias) => Some([alias, rest].concat()),
                None => {
                    let child = [from, std::slice::from_ref(first)].concat();
                    self.files.contains_key(&child).then(|| [from, path].concat())
                }
            },
        }
    }

    /// Finds the module that defines what a path names, and the name; nothing where it names a module.
    fn resolve(&self, path: &[String], seen: &mut BTreeSet<ModulePath>) -> Option<(ModulePath, String)> {
        let depth = (0..=path.len()).rev().find(|&depth| self.files.contains_key(&path[..depth]))?;
        let (module, rest) = path.split_at(depth);
        let name = rest.first()?;
        if seen.insert(path.to_vec()) {
            for used in self.files[module].uses.iter().filter(|used| used.is_exported) {
                let Some(full) = self.absolute(&used.path, module, &BTreeMap::new()) else { continue };
                let target = match used.name.as_str() {
                    "*" => [&full[..full.len() - 1], rest].concat(),
                    exported if exported == name => [&full, &rest[1..]].concat(),
                    _ => continue,
                };
                if used.name != "*" || self.defines(&target, name) {
                    return self.resolve(&target, seen);
                }
            }
        }
        Some((module.to_vec(), name.clone()))
    }

    fn defines(&self, path: &[String], name: &str) -> bool {
        let Some(module) = path.split_last().and_then(|(_, module)| self.files.get(module)) else { return false };
        ["fn", "struct", "enum", "trait", "type", "const", "static"]
            .iter()
            .any(|kind| module.body.contains(&format!("{kind} {name}")))
    }
}

/// Finds the circles among the children of one folder.
fn circles_in(folder: &str, imports: &BTreeSet<(String, String, String)>) -> Vec<Circle> {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let child = |file: &str| file.strip_prefix(&prefix).map(|rest| rest.split('/').next().unwrap_or(rest).to_owned());
    let mut next: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to, _) in imports {
        if let (Some(from), Some(to)) = (child(from), child(to))
            && from != to
        {
            next.entry(from).or_default().insert(to);
        }
    }
    let reach: BTreeMap<&String, BTreeSet<&String>> = next.keys().map(|start| (start, reached(start, &next))).collect();
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for (start, reached) in &reach {
        if reached.contains(start) {
            let mutual = reached.iter().filter(|other| reach.get(*other).is_some_and(|back| back.contains(start)));
            found.insert(mutual.map(|name| (*name).clone()).collect());
        }
    }
    let ties = |children: &[String]| {
        let inside = |file: &str| child(file).is_some_and(|name| children.contains(&name));
        let between = imports.iter().filter(|(from, to, _)| inside(from) && inside(to) && child(from) != child(to));
        between.map(|(from, to, name)| format!("{from} takes {name} from {to}")).collect()
    };
    found.into_iter().map(|children| Circle { folder: folder.to_owned(), ties: ties(&children), children }).collect()
}

fn reached<'a>(start: &'a String, next: &'a BTreeMap<String, BTreeSet<String>>) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&String> = next.get(start).into_iter().flatten().collect();
    while let Some(name) = open.pop() {
        if seen.insert(name) {
            open.extend(next.get(name).into_iter().flatten());
        }
    }
    seen
}

/// Replaces comments and the insides of texts by nothing.
fn without_texts(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find(['/', '"']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        rest = match from.as_bytes() {
            [b'/', b'/', ..] => from.find('\n').map_or("", |end| &from[end..]),
            [b'"', ..] if before.ends_with("r#") => from.find("\"#").map_or("", |end| &from[end + 2..]),
            [b'"', ..] if before.ends_with('\'') => &from[1..],
            [b'"', ..] => &from[1 + closing_quote(&from[1..])..],
            _ => {
                out.push('/');
                &from[1..]
            }
        };
    }
    out.push_str(rest);
    out
}

/// Returns the length of a text up to and with its closing quote.
fn closing_quote(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

/// Cuts the source where its unit tests begin: they stand at the foot of a file.
fn without_tests(source: &str) -> String {
    let is_tests = |at: usize| source[at..].lines().skip(1).take(2).any(|line| line.trim_start().starts_with("mod "));
    let mut marks = source.match_indices("#[cfg(").filter(|(at, _)| {
        let line = source[*at..].lines().next().unwrap_or_default();
        line.contains("test") && is_tests(*at)
    });
    marks.next().map_or(source, |(at, _)| &source[..at]).to_owned()
}

/// Takes the `use` declarations out of a source.
fn split_uses(source: &str) -> (Vec<Use>, String) {
    let (mut uses, mut body) = (Vec::new(), String::new());
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        let (is_exported, declaration) = match trimmed.strip_prefix("pub") {
            Some(after) => (true, after.trim_start_matches(|c: char| c != ' ').trim_start()),
            None => (false, trimmed),
        };
        let Some(first) = declaration.strip_prefix("use ") else {
            body.push_str(line);
            body.push('\n');
            continue;
        };
        let mut text = first.to_owned();
        while !text.contains(';') {
            let Some(more) = lines.next() else { break };
            text.push_str(more.trim());
        }
        let tree = text.split(';').next().unwrap_or_default();
        expand(tree, &[], &mut |path, name| uses.push(Use { is_exported, path, name }));
    }
    (uses, body)
}

/// Calls `found` with each path of a `use` tree and the name that it goes by.
fn expand(tree: &str, prefix: &[String], found: &mut dyn FnMut(ModulePath, String)) {
    let tree = tree.trim();
    let parts = |text: &str| text.split("::").map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect();
    if let Some((before, inside)) = tree.split_once('{') {
        let before: ModulePath = parts(before);
        let inside = inside.rsplit_once('}').map_or(inside, |(inside, _)| inside);
        let prefix = [prefix, &before].concat();
        for branch in branches(inside) {
            expand(branch, &prefix, found);
        }
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
    let mut path: ModulePath = [prefix, &parts(path)].concat();
    path.pop_if(|last| last == "self");
    let name = alias.map(str::to_owned).or_else(|| path.last().cloned());
    if let Some(name) = name {
        found(path, name);
    }
}

/// Splits the inside of braces at the commas that stand in no inner ones.
fn branches(inside: &str) -> Vec<&str> {
    let (mut out, mut depth, mut from) = (Vec::new(), 0_u32, 0);
    for (at, character) in inside.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                out.push(&inside[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    out.push(&inside[from..]);
    out.retain(|branch| !branch.trim().is_empty());
    out
}

/// Lists the paths of two parts or more in a source.
fn inline_paths(body: &str) -> Vec<ModulePath> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = body.split(|c: char| !is_word(c)).filter(|word| word.contains("::"));
    let paths = words.map(|word| word.split("::").map(str::to_owned).collect::<ModulePath>());
    let is_path = |path: &ModulePath| path[0].starts_with(|c: char| c.is_lowercase() || c == '_');
    paths
        .map(|path| path.into_iter().filter(|part| !part.is_empty()).collect())
        .filter(|p: &ModulePath| p.len() > 1 && is_path(p))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_of(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let path = folder.path().to_owned();
        (folder, path)
    }

    #[test]
    fn a_circle_through_a_re_export_is_found() {
        let (_kept, source) = crate_of(&[
            ("lib.rs", "pub mod a; pub mod b;"),
            ("a/mod.rs", "mod inner;\npub use inner::{Thing, Other as More};"),
            ("a/inner.rs", "use crate::b;\npub struct Thing;\nfn f() { b::help(); }"),
            ("b.rs", "use crate::a::Thing;\npub fn help() {}"),
        ]);
        let circles = Modules::read(&source).circles();
        assert_eq!(circles.len(), 1);
        assert_eq!(circles[0].children, ["a", "b.rs"]);
        assert_eq!(circles[0].ties, ["a/inner.rs takes help from b.rs", "b.rs takes Thing from a/inner.rs"]);
    }

    #[test]
    fn children_that_take_from_their_folders_face_are_found() {
        let (_kept, source) = crate_of(&[
            ("lib.rs", "pub mod a;"),
            ("a/mod.rs", "mod inner;\npub struct Face;\npub fn g() { inner::f() }"),
            ("a/inner.rs", "pub fn f() -> super::Face { super::Face }"),
        ]);
        let circles = Modules::read(&source).circles();
        assert_eq!((circles.len(), circles[0].folder.as_str()), (1, "a"));
    }

    #[test]
    fn one_way_imports_comments_texts_and_tests_are_no_circle() {
        let (_kept, source) = crate_of(&[
            ("lib.rs", "pub mod a; pub mod b;"),
            (
                "a.rs",
                "// crate::b::help\npub const T: &str = \"crate::b::help\";\npub struct Thing;\n#[cfg(test)]\nmod tests {\n    use crate::b::help;\n}",
            ),
            ("b.rs", "use crate::a::Thing;\npub fn help() {}"),
        ]);
        assert!(Modules::read(&source).circles().is_empty());
    }
}
