//! Numbers, times and states as people read them. Times are milliseconds since the Unix epoch.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use springald_core::config::format_bytes;

/// `1,234,567`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1.2 M`, for where there is little room.
pub(super) fn short_count(n: u64) -> String {
    const UNITS: [&str; 5] = ["", " k", " M", " G", " T"];
    let mut value = n as f64;
    let mut unit = 0;
    // 999,950 would else be `1000.0 k`.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => n.to_string(),
        _ => format!("{value:.1}{}", UNITS[unit]),
    }
}

pub(super) fn rows(n: u64) -> String {
    counted(n, "row")
}

/// `1 task`, `2 tasks`.
pub(super) fn counted(n: u64, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{} {what}s", count(n)),
    }
}

pub(super) fn bytes(n: u64) -> String {
    format_bytes(n)
}

/// A number of bytes, or a dash for none.
pub(super) fn bytes_or_dash(n: u64) -> String {
    match n {
        0 => "–".to_owned(),
        n => bytes(n),
    }
}

/// `850 ms`, `1.2 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`.
pub(super) fn duration(ms: u64) -> String {
    let seconds = (ms + 500) / 1000;
    match ms {
        0..=999 => format!("{ms} ms"),
        1_000..=59_949 => format!("{:.1} s", ms as f64 / 1000.0),
        _ if seconds < 3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ if seconds < 86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// The same in one unit and whole numbers, so that a page that is watched changes seldom.
fn rough_duration(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 0..=59 => format!("{seconds} s"),
        seconds @ 60..=3599 => format!("{} min", seconds / 60),
        seconds @ 3600..=86_399 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A moment, in full.
pub(super) fn moment(at_ms: u64) -> Markup {
    html! {
        time datetime=(iso(at_ms)) { (full(at_ms)) }
    }
}

/// How long ago a moment is.
pub(super) fn ago(at_ms: u64, now_ms: u64) -> Markup {
    html! {
        time datetime=(iso(at_ms)) title=(full(at_ms)) {
            (rough_duration(now_ms.saturating_sub(at_ms))) " ago"
        }
    }
}

fn iso(at_ms: u64) -> String {
    formatted(at_ms, "%Y-%m-%dT%H:%M:%SZ")
}

fn full(at_ms: u64) -> String {
    formatted(at_ms, "%Y-%m-%d %H:%M:%S UTC")
}

fn formatted(at_ms: u64, format: &str) -> String {
    i64::try_from(at_ms)
        .ok()
        .and_then(DateTime::<Utc>::from_timestamp_millis)
        .map_or_else(|| at_ms.to_string(), |at| at.format(format).to_string())
}

/// Part of a whole, as per cent between 0 and 100.
pub(super) fn percent(part: f64, whole: f64) -> f64 {
    match whole > 0.0 && part.is_finite() {
        true => (part / whole * 100.0).clamp(0.0, 100.0),
        false => 0.0,
    }
}

/// A state as a word with a mark, whose form differs as well as its colour.
pub(super) fn state(word: &str) -> Markup {
    html! {
        span.state.(word) {
            svg.mark viewBox="0 0 10 10" width="10" height="10" aria-hidden="true" {
                @match word {
                    "running" | "active" => { circle cx="5" cy="5" r="4" {} }
                    "done" => { path d="M1.5 5.5 4 8l4.5-6" {} }
                    "failed" | "lost" => { path d="M2 2l6 6M8 2 2 8" {} }
                    "cancelled" => { path d="M1.5 5h7" {} }
                    _ => { circle.hollow cx="5" cy="5" r="3.5" {} }
                }
            }
            (word)
        }
    }
}

/// A value of a path or query, percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                // Writing to a text does not fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (n, long, short) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1_000, "1,000", "1.0 k"),
            (999_950, "999,950", "1.0 M"),
            (12_345_678, "12,345,678", "12.3 M"),
        ] {
            assert_eq!((count(n).as_str(), short_count(n).as_str()), (long, short));
        }
        assert!(short_count(u64::MAX).ends_with(" T"));
        assert_eq!((rows(1), rows(2000)), ("1 row".into(), "2,000 rows".into()));
    }

    #[test]
    fn durations() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_250, "1.2 s"),
            (59_949, "59.9 s"),
            (59_950, "1 min 0 s"),
            (185_000, "3 min 5 s"),
            (3_599_600, "1 h 0 min"),
            (7_800_000, "2 h 10 min"),
            (356_400_000, "4 d 3 h"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }

    #[test]
    fn times() {
        let text = moment(1_700_000_000_123).into_string();
        assert!(text.contains("datetime=\"2023-11-14T22:13:20Z\""), "{text}");
        assert!(text.contains("2023-11-14 22:13:20 UTC"), "{text}");
        // Neither the far future nor a clock that went back breaks a page.
        assert!(
            moment(u64::MAX)
                .into_string()
                .contains("18446744073709551615")
        );
        assert!(ago(5_000, 1_000).into_string().contains("0 s ago"));
    }

    #[test]
    fn parts() {
        assert_eq!(percent(1.0, 4.0), 25.0);
        assert_eq!(percent(1.0, 0.0), 0.0);
        assert_eq!(percent(9.0, 4.0), 100.0);
        assert_eq!(encoded("a b/ü&"), "a%20b%2F%C3%BC%26");
    }
}
