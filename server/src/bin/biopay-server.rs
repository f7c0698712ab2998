//! The payment server's executable.

fn main() -> std::process::ExitCode {
    biopay_server::process::server_main(std::env::args_os())
}
