//! The `biopay` executable.

/// The allocator: a virtual run allocates a few times for each datagram, which takes a sixth of its time with the
/// system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    biopay_sim::cli::main(std::env::args_os().collect())
}
