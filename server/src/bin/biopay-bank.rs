//! The simulated bank's executable.

/// What one thread allocates another often frees here, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    biopay_server::process::bank_main(std::env::args_os())
}
