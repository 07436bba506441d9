//! Which page an address means.

use axum::extract::Query;
use axum::http::Uri;
use serde::Deserialize;
use springald_core::protocol::JobState;

use super::text::encoded;

/// A page that shows what is there, and can be kept up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum View {
    Overview,
    Jobs(JobsView),
    Job(String),
    Worker(String),
    Sessions,
    Configuration,
}

/// A part of the list of jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct JobsView {
    pub(super) state: Option<JobState>,
    pub(super) text: Option<String>,
    /// From 0.
    pub(super) page: usize,
}

/// The fields of the filter, as a browser sends them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    state: String,
    text: String,
    page: String,
}

impl View {
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let mut segments = uri.path().split('/').skip(1);
        let found = match (segments.next()?, segments.next(), segments.next()) {
            ("", None, None) => Self::Overview,
            ("jobs", None, None) => Self::Jobs(JobsView::of(uri)),
            ("jobs", Some(id), None) if !id.is_empty() => Self::Job(id.to_owned()),
            ("workers", Some(id), None) if !id.is_empty() => Self::Worker(id.to_owned()),
            ("sessions", None, None) => Self::Sessions,
            ("configuration", None, None) => Self::Configuration,
            _ => return None,
        };
        Some(found)
    }
}

impl JobsView {
    /// What cannot be understood is left out: a list of too much is better than none.
    fn of(uri: &Uri) -> Self {
        let fields = match Query::<Fields>::try_from_uri(uri) {
            Ok(Query(fields)) => fields,
            Err(_) => Fields::default(),
        };
        let state = JobState::ALL
            .into_iter()
            .find(|state| state.name() == fields.state);
        let text = fields.text.trim().to_owned();
        let page: usize = fields.page.parse().unwrap_or(1);
        Self {
            state,
            text: (!text.is_empty()).then_some(text),
            page: page.saturating_sub(1),
        }
    }

    /// The address of another page of the same list, from 0.
    pub(super) fn address(&self, page: usize) -> String {
        let state = self.state.map(JobState::name);
        let number = (page > 0).then(|| (page + 1).to_string());
        let fields = [
            ("state", state),
            ("text", self.text.as_deref()),
            ("page", number.as_deref()),
        ];
        let pairs: Vec<String> = fields
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value?))))
            .collect();
        match pairs.is_empty() {
            true => "/jobs".to_owned(),
            false => format!("/jobs?{}", pairs.join("&")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(address: &str) -> Option<View> {
        View::of(&address.parse().unwrap())
    }

    #[test]
    fn addresses_and_pages() {
        assert_eq!(view("/"), Some(View::Overview));
        assert_eq!(view("/jobs/j-1?x=1"), Some(View::Job("j-1".into())));
        assert_eq!(view("/workers/w"), Some(View::Worker("w".into())));
        for nothing in ["/jobs/", "/jobs/a/b", "/workers", "/other", "/sessions/x"] {
            assert_eq!(view(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_list_and_its_address() {
        let expected = JobsView {
            state: Some(JobState::Failed),
            text: Some("a&b ü".into()),
            page: 2,
        };
        let address = expected.address(2);
        assert_eq!(address, "/jobs?state=failed&text=a%26b%20%C3%BC&page=3");
        assert_eq!(view(&address), Some(View::Jobs(expected)));
        let odd = view("/jobs?state=odd&page=x&text=+").unwrap();
        assert_eq!(odd, View::Jobs(JobsView::default()));
        assert_eq!(JobsView::default().address(0), "/jobs");
    }
}
