//! The words of a failed task, found again inside what Ballista wraps around them: it prints errors with
//! `{:?}` and prefixes them on every layer, so a user would read
//! `Job failed due to stage 1 failed: Task failed due to runtime execution error: DataFusionError(…)`.

/// Layers peel off one a turn; no real message has as many.
const MAX_LAYERS: usize = 24;

/// The core message of a failed task, stage or job.
pub(crate) fn clean(raw: &str) -> String {
    let mut text = raw.trim().to_owned();
    for _ in 0..MAX_LAYERS {
        let Some(inner) = peel(&text) else { break };
        text = inner.trim().to_owned();
    }
    if text.is_empty() {
        "the job failed without a message; see the logs of the workers".into()
    } else {
        text
    }
}

/// Whether the words are those of a connection that broke, which a lost worker leaves behind in others.
pub(crate) fn is_shuffle_trouble(raw: &str) -> bool {
    const SIGNS: [&str; 6] = [
        "Shuffle fetch partition error",
        "FetchFailed(",
        "Can't find active",
        "GrpcConnectionError(",
        // A stream that was open when the worker at its other end was killed.
        "h2 protocol error",
        "error reading a body from connection",
    ];
    SIGNS.iter().any(|sign| raw.contains(sign))
}

fn peel(text: &str) -> Option<String> {
    if let Some(end) = text.find("\n\nbacktrace:") {
        return Some(text[..end].to_owned());
    }
    if let Some(rest) = strip_layer(text) {
        return Some(rest.to_owned());
    }
    if text.starts_with('"') {
        return literals(text).into_iter().next();
    }
    is_debug(text).then(|| undebug(text)).flatten()
}

/// What follows a prefix that says where an error passed, not what it is.
fn strip_layer(text: &str) -> Option<&str> {
    const PLAIN: [&str; 19] = [
        "Task failed due to runtime execution error: ",
        "Task failed due to IO error: ",
        "DataFusion error: ",
        "Internal Ballista error: ",
        "General error: ",
        "IO error: ",
        "Arrow error: ",
        "Parquet error: ",
        "Csv error: ",
        "Json error: ",
        "Object Store error: ",
        "Execution error: ",
        "External error: ",
        "Error during planning: ",
        "Schema error: ",
        "Invalid or Unsupported Configuration: ",
        "This feature is not implemented: ",
        "Grpc error: ",
        "Configuration error: ",
    ];
    if let Some(rest) = PLAIN.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        return Some(rest);
    }
    // "Error planning job J: ", "Job failed due to stage 3 failed: ", "Task 0 in Stage 1 failed 4 times, …"
    const AROUND: [(&str, &str); 4] = [
        ("Error planning job ", ": "),
        ("Job failed due to stage ", " failed: "),
        ("Task ", "most recent failure reason: "),
        ("Stage ", "most recent failure reason: "),
    ];
    AROUND.iter().find_map(|(start, end)| {
        let rest = text.strip_prefix(start)?;
        rest.find(end).map(|at| &rest[at + end.len()..])
    })
}

/// Whether the text is the `{:?}` of an enum or struct: `Name(…)` or `Name { … }`.
fn is_debug(text: &str) -> bool {
    let name = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let starts = text.starts_with(|c: char| c.is_ascii_uppercase());
    let rest = &text[name..];
    let opens = rest.starts_with('(') || rest.starts_with(" {");
    let closes = text.ends_with(')') || text.ends_with('}');
    starts && opens && closes
}

/// The string literals of a printed error, outermost first, joined; else the innermost name as words.
fn undebug(text: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for literal in literals(text) {
        let literal = clean(&literal);
        if parts.iter().any(|part| part.contains(&literal)) {
            continue;
        }
        parts.retain(|part| !literal.contains(part.as_str()));
        parts.push(literal);
    }
    if !parts.is_empty() {
        return Some(parts.join(": "));
    }
    let innermost = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .rfind(|word| word.starts_with(|c: char| c.is_ascii_uppercase()) && *word != "None")?;
    Some(words(innermost))
}

/// `DivideByZero` → `divide by zero`.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for (i, c) in name.char_indices() {
        if c.is_ascii_uppercase() && i > 0 {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

/// The contents of the `"…"` in a text, their escapes undone.
fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = text.chars();
    while chars.by_ref().any(|c| c == '"') {
        let mut literal = String::new();
        let mut closed = false;
        while let Some(c) = chars.next() {
            match c {
                '"' => {
                    closed = true;
                    break;
                }
                '\\' => match chars.next() {
                    Some('n') => literal.push('\n'),
                    Some('t') => literal.push('\t'),
                    Some('r') => literal.push('\r'),
                    Some('u') => literal.extend(unicode(&mut chars)),
                    Some(other) => literal.push(other),
                    None => break,
                },
                c => literal.push(c),
            }
        }
        if closed && !literal.trim().is_empty() {
            found.push(literal);
        }
    }
    found
}

/// `{2019}` after a `\u`.
fn unicode(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let hex: String = chars
        .by_ref()
        .skip_while(|c| *c == '{')
        .take_while(|c| *c != '}')
        .collect();
    u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_a_failed_task() {
        let raw = "Job failed due to stage 1 failed: Task failed due to runtime execution error: \
                   DataFusionError(ArrowError(CastError(\"Cannot cast string 'x' to value of Int64 type\"), None))\n";
        assert_eq!(clean(raw), "Cannot cast string 'x' to value of Int64 type");
    }

    #[test]
    fn an_error_without_words() {
        let raw = "Job failed due to stage 2 failed: Task failed due to runtime execution error: \
                   DataFusionError(ArrowError(DivideByZero, None))";
        assert_eq!(clean(raw), "divide by zero");
    }

    #[test]
    fn a_task_that_was_retried() {
        let raw = "Job failed due to stage 1 failed: Task 0 in Stage 1 failed 4 times, fail the stage, most \
                   recent failure reason: \"Task failed due to IO error: IoError(Os { code: 28, kind: \
                   StorageFull, message: \\\"No space left on device\\\" })\"";
        assert_eq!(clean(raw), "No space left on device");
    }

    #[test]
    fn path_and_reason_of_a_missing_file() {
        let raw = "DataFusionError(ObjectStore(NotFound { path: \"/data/a.csv\", source: Os { code: 2, kind: \
                   NotFound, message: \"No such file or directory\" } }))";
        assert_eq!(clean(raw), "/data/a.csv: No such file or directory");
    }

    #[test]
    fn planning_errors_and_plain_words() {
        let raw = "Error planning job 0J1: DataFusionError(Plan(\"table 't' not found\"))";
        assert_eq!(clean(raw), "table 't' not found");
        assert_eq!(
            clean("Resources exhausted: no memory"),
            "Resources exhausted: no memory"
        );
        assert_eq!(
            clean(
                "DataFusionError(Execution(\"External error: torn\\u{2026} file\"))\n\nbacktrace: 0: x"
            ),
            "torn… file"
        );
        assert!(!clean("  ").is_empty());
    }

    #[test]
    fn a_context_keeps_both_halves() {
        let raw = "DataFusionError(Context(\"writing /out\", Execution(\"disk quota exceeded\")))";
        assert_eq!(clean(raw), "writing /out: disk quota exceeded");
    }

    #[test]
    fn broken_shuffles_are_known() {
        assert!(is_shuffle_trouble(
            "FetchFailed(\"e1\", 1, 0, \"tcp connect error\")"
        ));
        assert!(is_shuffle_trouble(
            "Ipc error: message: \"h2 protocol error: error reading a body from connection\""
        ));
        assert!(!is_shuffle_trouble(
            "DataFusionError(ArrowError(DivideByZero, None))"
        ));
    }
}
