//! The last lines that this process logged, for whoever looks at it through the master.

use std::collections::VecDeque;
use std::io;

use parking_lot::Mutex;

/// Lines that are kept.
const LINES: usize = 500;
/// Characters kept of one line; an error with a whole plan in it would push out much else.
const LINE_CHARS: usize = 4_000;

/// A ring of log lines, oldest first. What is written to it at once is one entry.
#[derive(Debug, Default)]
pub struct RecentLog {
    lines: Mutex<VecDeque<String>>,
}

/// The log of this process. Empty unless the process logs into it.
pub fn recent_log() -> &'static RecentLog {
    static LOG: RecentLog = RecentLog {
        lines: Mutex::new(VecDeque::new()),
    };
    &LOG
}

impl RecentLog {
    pub fn push(&self, line: &str) {
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        let line = match line.char_indices().nth(LINE_CHARS) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line.to_owned(),
        };
        let mut lines = self.lines.lock();
        if lines.len() >= LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().iter().cloned().collect()
    }
}

impl io::Write for &RecentLog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_oldest_lines_go() {
        let log = RecentLog::default();
        for number in 0..LINES + 3 {
            (&log)
                .write_all(format!("line {number}\n").as_bytes())
                .unwrap();
        }
        let lines = log.lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[0], "line 3");
        assert_eq!(lines[LINES - 1], format!("line {}", LINES + 2));
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        let log = RecentLog::default();
        log.push(&"ü".repeat(LINE_CHARS + 1));
        log.push(" \n");
        assert_eq!(log.lines(), [format!("{}…", "ü".repeat(LINE_CHARS))]);
    }
}
