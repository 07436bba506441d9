//! Every setting of Springald's own: key, default, unit, one line. The same keys are set by `--conf` of the
//! command line, `SET` in SQL, the session builder, and the environment (`springald.job_timeout_seconds` is
//! `SPRINGALD_JOB_TIMEOUT_SECONDS`). Keys of the engine (`datafusion.…`, `ballista.…`) go the same ways.

use std::any::Any;
use std::str::FromStr;

use datafusion::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::prelude::SessionConfig;

use crate::error::{Error, Result, engine_message, nearest};

/// The key of a job's text.
pub const JOB_DESCRIPTION: &str = "springald.job_description";

/// Bytes of a job's text that are kept: it travels with the job and is in every record of it.
const MAX_JOB_DESCRIPTION: usize = 16 << 10;

/// Settings of a session, sent with each of its jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpringaldConfig {
    pub job_max_attempts: usize,
    pub job_timeout_seconds: u64,
    pub job_wait_seconds: u64,
    pub job_memory_per_core: String,
    pub app_name: String,
    pub job_description: String,
}

impl Default for SpringaldConfig {
    fn default() -> Self {
        Self {
            job_max_attempts: 4,
            job_timeout_seconds: 0,
            job_wait_seconds: 60,
            job_memory_per_core: "0".to_owned(),
            app_name: "springald".to_owned(),
            job_description: String::new(),
        }
    }
}

impl SpringaldConfig {
    /// Every key with its value and its line of documentation.
    fn table(&self) -> [(&'static str, String, &'static str); 6] {
        [
            (
                "job_max_attempts",
                self.job_max_attempts.to_string(),
                "Times a job may be begun in all when workers are lost under it",
            ),
            (
                "job_timeout_seconds",
                self.job_timeout_seconds.to_string(),
                "Seconds after which a job is cancelled, 0 for never",
            ),
            (
                "job_wait_seconds",
                self.job_wait_seconds.to_string(),
                "Seconds a job waits for a worker, or for one with enough memory, before it fails",
            ),
            (
                "job_memory_per_core",
                self.job_memory_per_core.clone(),
                "Memory a worker must offer for each of its cores to run the job, such as 2GiB; 0 for any",
            ),
            (
                "app_name",
                self.app_name.clone(),
                "Name of the application, shown with each of its jobs",
            ),
            (
                "job_description",
                self.job_description.clone(),
                "What the records of jobs show as their text; empty for the statement that each comes from",
            ),
        ]
    }
}

// By hand, as `extensions_options!` names its entries without the prefix, and jobs carry settings by entry.
impl ExtensionOptions for SpringaldConfig {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, value: &str) -> datafusion::error::Result<()> {
        match key {
            "job_max_attempts" => self.job_max_attempts = number(value)?,
            "job_timeout_seconds" => self.job_timeout_seconds = number(value)?,
            "job_wait_seconds" => self.job_wait_seconds = number(value)?,
            "job_memory_per_core" => {
                parse_bytes(value)?;
                value.clone_into(&mut self.job_memory_per_core);
            }
            "app_name" => value.clone_into(&mut self.app_name),
            "job_description" => self.job_description = shortened(value),
            _ => {
                return Err(
                    Error::invalid(format!("unknown configuration key `springald.{key}`")).into(),
                );
            }
        }
        Ok(())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        self.table()
            .into_iter()
            .map(|(key, value, description)| ConfigEntry {
                key: format!("{}.{key}", Self::PREFIX),
                value: Some(value),
                description,
            })
            .collect()
    }
}

impl ConfigExtension for SpringaldConfig {
    const PREFIX: &'static str = "springald";
}

fn number<T: FromStr>(value: &str) -> Result<T> {
    let wrong = |_| Error::invalid(format!("`{value}` is not a whole number from 0 up"));
    value.trim().parse().map_err(wrong)
}

/// A job's text, cut at a character if it is longer than what is kept.
pub(crate) fn shortened(text: &str) -> String {
    if text.len() <= MAX_JOB_DESCRIPTION {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(MAX_JOB_DESCRIPTION);
    format!("{} …", &text[..end])
}

/// Sets `key` of a session, refusing keys that nobody reads with the nearest known one.
pub fn set(config: &mut SessionConfig, key: &str, value: &str) -> Result<()> {
    let known = config.options().entries();
    if !known.iter().any(|entry| entry.key == key) && !is_format_option(key) {
        let mut error = Error::invalid(format!("unknown configuration key `{key}`"));
        if let Some(near) = nearest(key, known.iter().map(|e| e.key.as_str())) {
            error = error.with_hint(format!("did you mean `{near}`?"));
        }
        return Err(error);
    }
    config.options_mut().set(key, value).map_err(|e| {
        Error::invalid(format!(
            "`{key}` does not take `{value}`: {}",
            engine_message(&e)
        ))
    })
}

/// The settings that the environment makes, as `(key, value)`.
pub fn from_environment() -> Vec<(String, String)> {
    SpringaldConfig::default()
        .entries()
        .into_iter()
        .filter_map(|entry| {
            let name = entry.key.replace('.', "_").to_uppercase();
            std::env::var(name).ok().map(|value| (entry.key, value))
        })
        .collect()
}

/// Springald's settings of a session.
pub fn of(config: &SessionConfig) -> SpringaldConfig {
    config
        .options()
        .extensions
        .get::<SpringaldConfig>()
        .cloned()
        .unwrap_or_default()
}

/// `format.…` keys belong to one statement's file format and are checked by it.
fn is_format_option(key: &str) -> bool {
    key.starts_with("format.")
}

/// Bytes of a size such as `512MB`, `2GiB`, `1.5g` or `1048576`. Decimal units are powers of 1000 (`MB`),
/// binary ones (`MiB`, and the bare letters `k`, `m`, `g`, `t` that Spark uses) powers of 1024.
pub fn parse_bytes(text: &str) -> Result<u64> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(not_a_size(text)),
    };
    let number: f64 = number.parse().map_err(|_| not_a_size(text))?;
    Ok((number * factor as f64) as u64)
}

fn not_a_size(text: &str) -> Error {
    Error::invalid(format!("`{text}` is not a size in bytes"))
        .with_hint("write it like 512MB, 2GiB or 1048576")
}

/// A size for a person: `1.5 GiB`.
pub fn format_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_bytes("2GiB").unwrap(), 2 << 30);
        assert_eq!(parse_bytes("2g").unwrap(), 2 << 30);
        assert_eq!(parse_bytes("1.5 kb").unwrap(), 1500);
        assert_eq!(parse_bytes("0").unwrap(), 0);
        assert!(parse_bytes("lots").is_err());
        assert!(parse_bytes("3 parsecs").is_err());
        assert_eq!(format_bytes(1 << 30), "1.0 GiB");
        assert_eq!(format_bytes(12), "12 B");
    }

    #[test]
    fn long_descriptions_are_cut_at_a_character() {
        let mut config = crate::session::config();
        let key = JOB_DESCRIPTION;
        set(&mut config, key, &"ü".repeat(10_000)).unwrap();
        let kept = of(&config).job_description;
        assert!(
            kept.ends_with("ü …") && kept.len() < 17_000,
            "{}",
            kept.len()
        );
        set(&mut config, key, "SELECT 1").unwrap();
        assert_eq!(of(&config).job_description, "SELECT 1");
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest() {
        let mut config = crate::session::config();
        let e = set(&mut config, "springald.job_timeout_second", "5").unwrap_err();
        assert_eq!(
            e.hint(),
            Some("did you mean `springald.job_timeout_seconds`?")
        );
        set(&mut config, "springald.job_timeout_seconds", "5").unwrap();
        assert_eq!(of(&config).job_timeout_seconds, 5);
        assert!(set(&mut config, "springald.job_timeout_seconds", "soon").is_err());
        set(&mut config, "datafusion.execution.batch_size", "1024").unwrap();
        assert_eq!(config.batch_size(), 1024);
    }
}
