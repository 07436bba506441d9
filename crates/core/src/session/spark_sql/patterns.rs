//! Java's patterns of dates and times as chrono's.

/// What chrono calls letters of a pattern, by how many of a letter there are at most.
const LETTERS: &[(char, &[(usize, &str)])] = &[
    ('y', &[(1, "%-Y"), (2, "%y"), (4, "%Y")]),
    ('u', &[(1, "%-Y"), (2, "%y"), (4, "%Y")]),
    ('M', &[(1, "%-m"), (2, "%m"), (3, "%b"), (4, "%B")]),
    ('L', &[(1, "%-m"), (2, "%m"), (3, "%b"), (4, "%B")]),
    ('d', &[(1, "%-d"), (2, "%d")]),
    ('D', &[(1, "%-j"), (3, "%j")]),
    ('E', &[(3, "%a"), (4, "%A")]),
    ('H', &[(1, "%-H"), (2, "%H")]),
    ('h', &[(1, "%-I"), (2, "%I")]),
    ('m', &[(1, "%-M"), (2, "%M")]),
    ('s', &[(1, "%-S"), (2, "%S")]),
    ('a', &[(1, "%p")]),
    ('X', &[(3, "%:z")]),
    ('x', &[(3, "%:z")]),
    ('Z', &[(3, "%z")]),
];

/// The pattern as chrono's; `None` if it is none of Java's, has no letter, or has one that chrono has no word for.
pub(super) fn chrono(pattern: &str) -> Option<String> {
    if pattern.contains(['%', '[', ']']) {
        return None;
    }
    let mut out = String::new();
    let mut tells = false;
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        if letter == '\'' {
            let inner = &rest[1..];
            if let Some(after) = inner.strip_prefix('\'') {
                out.push('\'');
                rest = after;
                continue;
            }
            let end = inner.find('\'')?;
            out.push_str(&inner[..end]);
            rest = &inner[end + 1..];
        } else if letter.is_ascii_alphabetic() {
            let count = rest.len() - rest.trim_start_matches(letter).len();
            out.push_str(&word(letter, count)?);
            tells = true;
            rest = &rest[count..];
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    tells.then_some(out)
}

fn word(letter: char, count: usize) -> Option<String> {
    if letter == 'S' {
        return matches!(count, 3 | 6 | 9).then(|| format!("%{count}f"));
    }
    let (_, words) = LETTERS.iter().find(|(known, _)| *known == letter)?;
    let (_, word) = words.iter().find(|(most, _)| count <= *most)?;
    Some((*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::chrono;

    #[test]
    fn letters_have_words() {
        let of = |pattern| chrono(pattern).unwrap();
        assert_eq!(of("yyyy-MM-dd'T'HH:mm:ss.SSS"), "%Y-%m-%dT%H:%M:%S.%3f");
        assert_eq!(
            of("d. MMMM yy, h 'o''clock' a").replace('\'', ""),
            "%-d. %B %y, %-I oclock %p"
        );
        for none in [
            "%Y",
            "UTC",
            "Africa/Addis_Ababa",
            "+02:00",
            "",
            "QQQ",
            "yyyy'",
        ] {
            assert_eq!(chrono(none), None, "{none}");
        }
    }
}
