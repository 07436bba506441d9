use std::collections::BTreeMap;

use super::*;
use crate::{Tokens, WordCountOptions, word_count};

/// As simple as can be, to compare with.
fn count<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_insert(0) += 1;
    }
    let mut rows: Vec<_> = counts
        .iter()
        .map(|(word, count)| format!("{word}|{count}"))
        .collect();
    rows.sort();
    rows
}

async fn run(partitions: usize, path: &Path, options: &WordCountOptions) -> Vec<String> {
    let paths = [path.display().to_string()];
    rows(word_count(&session(partitions), &paths, options.clone()).unwrap()).await
}

/// Words of every length up to 40 bytes, between all kinds of white space and control characters.
fn words_of_all_kinds() -> String {
    let breaks = [
        " ", "\n", "  ", "\t", "\r\n", "\x0b", "\u{a0}", "\u{3000}", "\x01", "\x00 ",
    ];
    let letters: Vec<char> = "abcdefghijklmnopqrstuvwxyz0123456789éß€🦀."
        .chars()
        .collect();
    let mut text = String::from(" ");
    let mut state = 1_u64;
    for number in 0..5_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let seed = (state >> 33) as usize % 700;
        text.extend((0..seed % 38 + 1).map(|at| letters[(seed * (at + 1)) % letters.len()]));
        text.push_str(breaks[number % breaks.len()]);
    }
    text.push_str("end");
    text
}

#[tokio::test]
async fn counts_are_the_same_from_any_number_of_partitions() {
    let text = words_of_all_kinds();
    let expected = count(text.split_whitespace());
    let folder = folder(&[("a.txt", text.as_bytes())]).await;
    for partitions in [1, 2, 7, 50] {
        let counted = run(
            partitions,
            &folder.path().join("a.txt"),
            &Default::default(),
        )
        .await;
        assert_eq!(counted, expected, "{partitions}");
    }
}

#[tokio::test]
async fn every_cut_of_a_small_file() {
    let text = "é aé\u{a0}é  bb\u{1f980} bb\n\nccc";
    let folder = folder(&[("a.txt", text.as_bytes())]).await;
    for tokens in [
        Tokens::Whitespace,
        Tokens::UnicodeWords,
        Tokens::Separators("b".to_string()),
        Tokens::Separators("é ".to_string()),
    ] {
        let options = WordCountOptions {
            tokens: tokens.clone(),
            ..Default::default()
        };
        let path = folder.path().join("a.txt");
        let whole = run(1, &path, &options).await;
        for partitions in 2..=text.len() {
            assert_eq!(run(partitions, &path, &options).await, whole, "{tokens:?}");
        }
        if tokens == Tokens::Whitespace {
            assert_eq!(whole, count(text.split_whitespace()));
        }
    }
}

#[tokio::test]
async fn options() {
    let text = "The cat, the hat; THE Don't a_b 3.14 ÉTÉ été\nover the\u{a0}sea";
    let folder = folder(&[("a.txt", text.as_bytes())]).await;
    let path = folder.path().join("a.txt");
    let words = |words: &str| count(words.split('|'));

    let mut options = WordCountOptions {
        lowercase: true,
        ..Default::default()
    };
    assert_eq!(
        run(2, &path, &options).await,
        words("the|cat,|the|hat;|the|don't|a_b|3.14|été|été|over|the|sea")
    );
    options.tokens = Tokens::UnicodeWords;
    assert_eq!(
        run(2, &path, &options).await,
        words("the|cat|the|hat|the|don't|a_b|3.14|été|été|over|the|sea")
    );
    options.min_length = 4;
    assert_eq!(run(2, &path, &options).await, words("don't|3.14|over"));
    options.min_length = 0;
    options.stop_words = ["the".to_string(), "été".to_string()].into();
    assert_eq!(
        run(2, &path, &options).await,
        words("cat|hat|don't|a_b|3.14|over|sea")
    );
    options.stop_words.clear();
    options.top = Some(3);
    let frame = word_count(&session(2), &[path.display().to_string()], options.clone()).unwrap();
    let top = pretty_format_batches(&frame.collect().await.unwrap())
        .unwrap()
        .to_string();
    let top: Vec<_> = top.lines().skip(3).take(3).collect();
    assert_eq!(
        top,
        ["| the  | 4     |", "| été  | 2     |", "| 3.14 | 1     |"]
    );

    let options = WordCountOptions {
        tokens: Tokens::Separators(";,É".to_string()),
        ..Default::default()
    };
    assert_eq!(
        run(3, &path, &options).await,
        words("The cat|the hat|THE Don't a_b 3.14|T|été|over the\u{a0}sea")
    );
    let options = WordCountOptions {
        tokens: Tokens::Separators(String::new()),
        ..Default::default()
    };
    let error = word_count(&session(1), &[path.display().to_string()], options).unwrap_err();
    assert!(error.to_string().contains("no separators given"), "{error}");
}

#[tokio::test]
async fn folders_globs_compression_and_what_is_not_utf8() {
    let folder = folder(&[
        ("a.txt", b"a b"),
        ("b.txt.gz", b"b c"),
        ("c.log.zst", b"c \xff\xfe"),
        ("empty.txt", b""),
        ("_SUCCESS", b"no"),
        (".a.txt.crc", b"no"),
    ])
    .await;
    let all = run(3, folder.path(), &Default::default()).await;
    assert_eq!(all, ["a|1", "b|2", "c|2", "\u{fffd}\u{fffd}|1"]);
    for path in [
        folder.path().join("*.txt*").display().to_string(),
        format!("file://{}/*.txt*", folder.path().display()),
    ] {
        let txt = rows(word_count(&session(3), &[path], Default::default()).unwrap()).await;
        // A glob takes what it matches, hidden or not.
        assert_eq!(txt, ["a|1", "b|2", "c|1", "no|1"]);
    }
    let two = ["a.txt", "b.txt.gz"].map(|name| folder.path().join(name).display().to_string());
    let two = rows(word_count(&session(3), &two, Default::default()).unwrap()).await;
    assert_eq!(two, ["a|1", "b|2", "c|1"]);
    let empty = run(3, &folder.path().join("empty.txt"), &Default::default()).await;
    assert!(empty.is_empty());
}

#[tokio::test]
async fn bad_paths() {
    let folder = folder(&[]).await;
    for path in ["none.txt", "none/", "*.txt", ""] {
        let path = folder.path().join(path).display().to_string();
        let frame =
            word_count(&session(1), std::slice::from_ref(&path), Default::default()).unwrap();
        let error = frame.collect().await.unwrap_err().to_string();
        assert!(
            error.contains("no file found at file://"),
            "{path}: {error}"
        );
    }
    let error = word_count(&session(1), &[], Default::default()).unwrap_err();
    assert!(error.to_string().contains("no path given"), "{error}");
    let paths = ["/a".to_string(), "s3://b/c".to_string()];
    let error = word_count(&session(1), &paths, Default::default()).unwrap_err();
    assert!(error.to_string().contains("in different stores"), "{error}");
}

#[tokio::test]
async fn more_distinct_words_than_a_table_holds() {
    let distinct = 1_300_000;
    let text: String = (0..distinct)
        .chain(0..1_000)
        .map(|n| format!("{n:x}\n"))
        .collect();
    let folder = folder(&[("a.txt", text.as_bytes())]).await;
    let path = folder.path().join("a.txt").display().to_string();
    let ctx = session(1);
    let counts = word_count(&ctx, &[path], Default::default()).unwrap();
    ctx.register_table("counts", counts.into_view()).unwrap();
    let query = "SELECT count(*), sum(count), max(count), count(CASE WHEN count = 2 THEN 1 END) \
                 FROM counts";
    assert_eq!(sql(&ctx, query).await, ["1300000|1301000|2|1000"]);
}
