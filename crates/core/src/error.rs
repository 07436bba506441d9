//! The one error of this crate, and the words a user reads for an engine error.

use datafusion::error::DataFusionError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong between a user and a cluster. Every message says what failed and where; where the
/// next step is known, [`Error::hint`] says it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user asked for something that cannot be: a wrong name, value, path or statement.
    #[error("{message}")]
    Invalid {
        message: String,
        hint: Option<String>,
    },
    /// Something that was right to ask failed on the way.
    #[error("{message}")]
    Failed {
        message: String,
        hint: Option<String>,
    },
    #[error("{0}")]
    Engine(#[from] DataFusionError),
}

impl Error {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            hint: None,
        }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            hint: None,
        }
    }

    /// The same error with the step that mends it.
    pub fn with_hint(self, step: impl Into<String>) -> Self {
        let hint = Some(step.into());
        match self {
            Self::Invalid { message, .. } => Self::Invalid { message, hint },
            Self::Failed { message, .. } => Self::Failed { message, hint },
            Self::Engine(e) => Self::Failed {
                message: engine_message(&e),
                hint,
            },
        }
    }

    /// The next step, if one is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Invalid { hint, .. } | Self::Failed { hint, .. } => hint.as_deref(),
            Self::Engine(_) => None,
        }
    }

    /// The message for a person: no type names, no nesting.
    pub fn message(&self) -> String {
        match self {
            Self::Invalid { message, .. } | Self::Failed { message, .. } => message.clone(),
            Self::Engine(e) => engine_message(e),
        }
    }
}

/// So that our errors pass through operators and come out whole on the other side.
impl From<Error> for DataFusionError {
    fn from(e: Error) -> Self {
        match e {
            Error::Engine(e) => e,
            e => DataFusionError::External(Box::new(e)),
        }
    }
}

/// The innermost message of an engine error, with the context that people added and without the names of
/// the layers it passed through.
pub fn engine_message(error: &DataFusionError) -> String {
    match error {
        DataFusionError::Context(context, inner) => {
            let inner = engine_message(inner);
            // DataFusion marks its own rules and passes as contexts; those say nothing to a user.
            // So do the places in its source that others name.
            let inside = context.starts_with("type_coercion") || context.contains("optimizer");
            if inside || context.contains(".rs:") {
                inner
            } else {
                format!("{context}: {inner}")
            }
        }
        DataFusionError::External(e) => match e.downcast_ref::<Error>() {
            Some(ours) => ours.message(),
            None => match e.downcast_ref::<DataFusionError>() {
                Some(inner) => engine_message(inner),
                None => e.to_string(),
            },
        },
        DataFusionError::Shared(inner) => engine_message(inner),
        DataFusionError::Diagnostic(_, inner) => engine_message(inner),
        DataFusionError::Collection(errors) => errors
            .iter()
            .map(engine_message)
            .collect::<Vec<_>>()
            .join("; "),
        DataFusionError::ArrowError(e, _) => match e.as_ref() {
            arrow::error::ArrowError::ExternalError(e) => e
                .downcast_ref::<DataFusionError>()
                .map_or_else(|| e.to_string(), engine_message),
            e => e.to_string(),
        },
        DataFusionError::SchemaError(e, _) => e.to_string(),
        e => strip_prefixes(&e.strip_backtrace()).to_owned(),
    }
}

/// Our own error inside an engine error, if there is one: it knows the hint.
pub fn find_ours(error: &DataFusionError) -> Option<&Error> {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            find_ours(inner)
        }
        DataFusionError::Shared(inner) => find_ours(inner),
        DataFusionError::External(e) => e
            .downcast_ref::<Error>()
            .or_else(|| e.downcast_ref::<DataFusionError>().and_then(find_ours)),
        _ => None,
    }
}

fn strip_prefixes(message: &str) -> &str {
    const PREFIXES: [&str; 8] = [
        "Error during planning: ",
        "Execution error: ",
        "External error: ",
        "Schema error: ",
        "Invalid or Unsupported Configuration: ",
        "This feature is not implemented: ",
        "Arrow error: ",
        "Parquet error: ",
    ];
    let mut rest = message.trim();
    while let Some(shorter) = PREFIXES.iter().find_map(|p| rest.strip_prefix(p)) {
        rest = shorter;
    }
    rest
}

/// The name nearest to `wanted`, if any is near enough to be a slip of the finger.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_stripped_and_words_kept() {
        let e = DataFusionError::Shared(std::sync::Arc::new(DataFusionError::Execution(
            "External error: no such file: /data/x.csv".into(),
        )));
        assert_eq!(engine_message(&e), "no such file: /data/x.csv");
    }

    #[test]
    fn our_errors_survive_the_engine() {
        let e: DataFusionError = Error::failed("the volume is full")
            .with_hint("free some")
            .into();
        let e = DataFusionError::Context("writing".into(), Box::new(e));
        assert_eq!(find_ours(&e).and_then(Error::hint), Some("free some"));
        assert_eq!(engine_message(&e), "writing: the volume is full");
    }

    #[test]
    fn nearest_name() {
        assert_eq!(nearest("lineitm", ["orders", "lineitem"]), Some("lineitem"));
        assert_eq!(nearest("zebra", ["orders", "lineitem"]), None);
    }
}
