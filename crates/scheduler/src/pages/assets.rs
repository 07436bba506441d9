//! The style, script and picture of the pages, which are part of the program.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Router;
use axum::http::header;
use axum::routing::get;

pub(super) struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

pub(super) const STYLE: Asset = Asset {
    name: "page.css",
    kind: "text/css; charset=utf-8",
    text: include_str!("assets/page.css"),
};
pub(super) const SCRIPT: Asset = Asset {
    name: "page.js",
    kind: "text/javascript; charset=utf-8",
    text: include_str!("assets/page.js"),
};
pub(super) const ICON: Asset = Asset {
    name: "icon.svg",
    kind: "image/svg+xml",
    text: include_str!("assets/icon.svg"),
};

impl Asset {
    /// The address changes with the text, so that browsers may keep what they have for ever.
    pub(super) fn address(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        format!("/assets/{}?v={:x}", self.name, hasher.finish())
    }
}

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    [STYLE, SCRIPT, ICON]
        .into_iter()
        .fold(Router::new(), |router, asset| {
            let headers = [
                (header::CONTENT_TYPE, asset.kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            let answer = move || async move { (headers, asset.text) };
            router.route(&format!("/assets/{}", asset.name), get(answer))
        })
}
