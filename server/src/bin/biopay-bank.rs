//! The simulated bank's executable.

fn main() -> std::process::ExitCode {
    biopay_server::process::bank_main(std::env::args_os())
}
