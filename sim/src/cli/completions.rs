//! `biopay completions`.

use clap::{Args, ValueEnum};
use clap_complete::Shell;

const EXAMPLES: &str = "Examples:
  biopay completions bash > ~/.local/share/bash-completion/completions/biopay
  biopay completions zsh > ~/.zfunc/_biopay
  biopay completions fish > ~/.config/fish/completions/biopay.fish
  biopay completions bash --of biopay-server > ~/.local/share/bash-completion/completions/biopay-server";

/// A program of this project.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Program {
    /// The simulator and its tools.
    Biopay,
    /// The payment server.
    BiopayServer,
    /// The simulated bank.
    BiopayBank,
}

impl Program {
    /// Every program.
    pub(super) const ALL: [Self; 3] = [Self::Biopay, Self::BiopayServer, Self::BiopayBank];
}

/// Prints completions for a shell.
#[derive(Args, Clone, Copy)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionArgs {
    /// The shell.
    shell: Shell,
    /// The program to complete.
    #[arg(long, value_name = "PROGRAM", default_value = "biopay")]
    pub(super) of: Program,
}

pub(super) fn print(args: CompletionArgs, mut command: clap::Command) {
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut std::io::stdout());
}
