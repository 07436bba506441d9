//! The bytes between records.

/// The bytes that end a record: line ends, or for words everything that separates them.
///
/// All of them are ASCII, so a break is never found inside a character of UTF-8.
#[derive(Clone, Debug)]
pub(crate) enum Breaks {
    /// `\n` only; a `\r` before it belongs to the line and is taken off later.
    Newline,
    /// Any one byte of ASCII.
    Byte(u8),
    /// The ASCII white space of [`char::is_whitespace`]: `\t \n \x0b \x0c \r` and the space.
    Whitespace,
    /// `true` for each byte that is a break.
    Set(Box<[bool; 256]>),
}

impl Breaks {
    /// Breaks at line ends and at the ASCII ones of `separators`.
    pub(crate) fn separators(separators: &str) -> Self {
        let mut set = Box::new([false; 256]);
        for byte in separators
            .bytes()
            .filter(u8::is_ascii)
            .chain([b'\n', b'\r'])
        {
            set[usize::from(byte)] = true;
        }
        Self::Set(set)
    }

    /// Whether `byte` is a break.
    #[inline]
    pub(crate) fn contains(&self, byte: u8) -> bool {
        match self {
            Self::Newline => byte == b'\n',
            Self::Byte(one) => byte == *one,
            Self::Whitespace => matches!(byte, b'\t'..=b'\r' | b' '),
            Self::Set(set) => set[usize::from(byte)],
        }
    }

    /// The place of the first break in `bytes`.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Newline => memchr::memchr(b'\n', bytes),
            Self::Byte(one) => memchr::memchr(*one, bytes),
            _ => bytes.iter().position(|&byte| self.contains(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_is_the_ascii_part_of_unicodes() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii() && char::from(byte).is_whitespace();
            assert_eq!(Breaks::Whitespace.contains(byte), expected, "{byte:#x}");
        }
    }

    #[test]
    fn separators_always_include_line_ends() {
        let breaks = Breaks::separators(";é");
        assert_eq!(breaks.find("é é;".as_bytes()), Some(5));
        assert_eq!(breaks.find(b"a b\r\n"), Some(3));
        assert_eq!(breaks.find(b"a b"), None);
    }
}
