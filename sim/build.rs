//! Hands the commit, the compiler and the features of a build to the program.

use vergen_gitcl::{Cargo, Emitter, Gitcl, Rustc};

fn main() -> anyhow::Result<()> {
    // Any change of the sources may make them differ from the commit.
    for sources in ["../biometrics", "../datasets", "../protocol", "../reports", "../server", "."] {
        println!("cargo:rerun-if-changed={sources}/src");
    }
    let git = Gitcl::builder().sha(true).dirty(false).build();
    let cargo = Cargo::builder().features(true).debug(true).build();
    let rustc = Rustc::builder().semver(true).build();
    // Sources without a repository have no commit: a placeholder takes its place.
    Emitter::default().add_instructions(&git)?.add_instructions(&cargo)?.add_instructions(&rustc)?.emit()
}
