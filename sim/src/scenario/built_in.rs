//! The scenarios that come with the program.

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),+]
    };
}

/// Name and TOML of each.
pub const BUILT_IN: [(&str, &str); 21] = built_in![
    "quickstart",
    "stored-qr",
    "second-device",
    "face-kiosk",
    "two-fingers",
    "2g-village",
    "flash-sale",
    "ten-thousand",
    "ageing",
    "hunt",
    "throughput",
    "attack-survey",
    "attack-guessing",
    "attack-symbols",
    "attack-credentials",
    "attack-codes",
    "attack-payments",
    "attack-network",
    "attack-breach",
    "attack-artefacts",
    "attack-face-artefacts",
];
