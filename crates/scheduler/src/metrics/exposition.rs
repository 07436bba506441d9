//! The texts of several processes as one. A metric's samples must stand together below its description, so those of
//! all workers are gathered by metric.

use std::collections::HashMap;

/// The two forms that Prometheus reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    OpenMetrics,
    /// The older one, which everything reads.
    Text,
}

impl Form {
    /// What a caller with this `accept` header is given.
    pub(super) fn wanted(accept: &str) -> Self {
        match accept.contains("application/openmetrics-text") {
            true => Self::OpenMetrics,
            false => Self::Text,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Exposition {
    metrics: Vec<Metric>,
    /// Where each is.
    by_name: HashMap<String, usize>,
}

#[derive(Debug)]
struct Metric {
    name: String,
    help: String,
    kind: String,
    samples: Vec<String>,
}

impl Exposition {
    /// Adds a text in OpenMetrics' form, with a label that says which worker it is of.
    pub(super) fn add(&mut self, text: &str, worker: Option<&str>) {
        let label = worker.map(|worker| format!("worker=\"{}\"", escaped(worker)));
        let mut current = None;
        for line in text.lines() {
            if let Some((name, help)) = described(line, "# HELP ") {
                let at = self.metric(name);
                help.clone_into(&mut self.metrics[at].help);
                current = Some(at);
            } else if let Some((name, kind)) = described(line, "# TYPE ") {
                let at = self.metric(name);
                kind.clone_into(&mut self.metrics[at].kind);
                current = Some(at);
            } else if !line.starts_with('#')
                && !line.is_empty()
                && let Some(at) = current
            {
                let sample = match &label {
                    Some(label) => labelled(line, label),
                    None => line.to_owned(),
                };
                self.metrics[at].samples.push(sample);
            }
        }
    }

    pub(super) fn write(&self, form: Form) -> String {
        let mut text = String::new();
        for metric in &self.metrics {
            // The older form describes samples by their own name, and has no type `info`.
            let (suffix, kind) = match (form, metric.kind.as_str()) {
                (Form::Text, "counter") => ("_total", "counter"),
                (Form::Text, "info") => ("_info", "gauge"),
                (_, kind) => ("", kind),
            };
            let Metric { name, help, .. } = metric;
            text.push_str(&format!(
                "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"
            ));
            for sample in &metric.samples {
                text.push_str(sample);
                text.push('\n');
            }
        }
        if form == Form::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }

    fn metric(&mut self, name: &str) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let at = self.metrics.len();
        self.metrics.push(Metric {
            name: name.to_owned(),
            help: String::new(),
            kind: "unknown".to_owned(),
            samples: vec![],
        });
        self.by_name.insert(name.to_owned(), at);
        at
    }
}

/// Name and description in a line such as `# HELP name What it is.`
fn described<'a>(line: &'a str, what: &str) -> Option<(&'a str, &'a str)> {
    line.strip_prefix(what)?.split_once(' ')
}

/// A sample with one more label, its first.
fn labelled(sample: &str, label: &str) -> String {
    let end = sample.find(['{', ' ']).unwrap_or(sample.len());
    let (name, rest) = sample.split_at(end);
    match rest.strip_prefix('{') {
        Some(rest) if rest.starts_with('}') => format!("{name}{{{label}{rest}"),
        Some(rest) => format!("{name}{{{label},{rest}"),
        None => format!("{name}{{{label}}}{rest}"),
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKER: &str = "# HELP w_tasks Tasks.\n# TYPE w_tasks counter\nw_tasks_total{r=\"a b\"} 1\n\
        # HELP w_bytes Bytes.\n# TYPE w_bytes gauge\nw_bytes 5\n";

    #[test]
    fn samples_of_all_workers_stand_together() {
        let mut all = Exposition::default();
        all.add("# HELP m Own.\n# TYPE m gauge\nm 1\n", None);
        all.add(WORKER, Some("one:1"));
        all.add(WORKER, Some("two:\"2"));
        assert_eq!(
            all.write(Form::OpenMetrics),
            "# HELP m Own.\n# TYPE m gauge\nm 1\n\
             # HELP w_tasks Tasks.\n# TYPE w_tasks counter\n\
             w_tasks_total{worker=\"one:1\",r=\"a b\"} 1\n\
             w_tasks_total{worker=\"two:\\\"2\",r=\"a b\"} 1\n\
             # HELP w_bytes Bytes.\n# TYPE w_bytes gauge\n\
             w_bytes{worker=\"one:1\"} 5\nw_bytes{worker=\"two:\\\"2\"} 5\n# EOF\n"
        );
    }

    #[test]
    fn the_older_form_names_counters_as_their_samples() {
        let mut all = Exposition::default();
        all.add(WORKER, Some("w"));
        all.add(
            "# HELP b B.\n# TYPE b info\nb_info{version=\"1\"} 1\n",
            None,
        );
        let text = all.write(Form::wanted("text/plain"));
        assert!(
            text.contains("# TYPE w_tasks_total counter\nw_tasks_total{"),
            "{text}"
        );
        assert!(
            text.contains("# TYPE b_info gauge\nb_info{version=\"1\"} 1\n"),
            "{text}"
        );
        assert!(!text.contains("EOF"));
        assert_eq!(
            Form::wanted("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"),
            Form::OpenMetrics
        );
    }
}
