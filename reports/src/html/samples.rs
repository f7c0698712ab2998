//! The contact sheet: what the run's handsets captured, and the symbols made of it.

use crate::run_folder::samples::Picture;
use crate::text::escape;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Writes the sheet.
pub(crate) fn section(pictures: &[Picture]) -> String {
    if pictures.is_empty() {
        return String::new();
    }
    let figures: String = pictures.iter().map(figure).collect();
    format!(
        r#"<p class="note">Synthetic samples as the devices captured them, and real symbols (ISO/IEC 18004) as the handset shows them.</p><div class="samples">{figures}</div>"#
    )
}

fn figure(picture: &Picture) -> String {
    let caption = escape(&picture.caption);
    let data = BASE64_STANDARD.encode(&picture.png);
    format!(
        r#"<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>"#
    )
}
