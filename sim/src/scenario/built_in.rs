//! The scenarios that come with the program.

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),+]
    };
}

/// Name and TOML of each.
pub const BUILT_IN: [(&str, &str); 10] = built_in![
    "quickstart",
    "stored-qr",
    "second-device",
    "face-kiosk",
    "2g-village",
    "flash-sale",
    "ten-thousand",
    "ageing",
    "throughput",
    "attack-survey",
];
