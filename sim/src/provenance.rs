//! The build of this program, as `--version` and the manifests of runs state it.

use biopay_reports::manifest::Build;

/// The name and version of this program in manifests.
pub const PROGRAM: &str = concat!("biopay ", env!("CARGO_PKG_VERSION"));

/// The version with commit and compiler.
pub const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("VERGEN_GIT_SHA"),
    ", modified: ",
    env!("VERGEN_GIT_DIRTY"),
    ", rustc ",
    env!("VERGEN_RUSTC_SEMVER"),
    ", features: ",
    env!("VERGEN_CARGO_FEATURES"),
    ")"
);

/// Returns the build of this program.
pub fn build() -> Build {
    Build {
        commit: env!("VERGEN_GIT_SHA").to_owned(),
        is_dirty: env!("VERGEN_GIT_DIRTY") == "true",
        compiler: concat!("rustc ", env!("VERGEN_RUSTC_SEMVER")).to_owned(),
        features: env!("VERGEN_CARGO_FEATURES").to_owned(),
        is_debug: env!("VERGEN_CARGO_DEBUG") == "true",
    }
}
