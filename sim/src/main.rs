//! The `biopay` executable.

fn main() -> std::process::ExitCode {
    biopay_sim::cli::main(std::env::args_os().collect())
}
