//! The `biopay` executable.

/// A virtual run allocates a few times for each datagram; the system's allocator takes a sixth of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    biopay_sim::cli::main(std::env::args_os().collect())
}
