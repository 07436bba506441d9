//! JSON in columns of text: parts of it by path, and values to and from it.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    new_null_array,
};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::{LineDelimitedWriter, ReaderBuilder};
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
use serde_json::value::RawValue;

use super::{Function, texts};

/// The column that stands around a value which is not an object.
const WRAP: &str = "v";

pub(super) fn functions() -> Vec<Function> {
    let text = |_: &[DataType]| Ok(DataType::Utf8);
    let count = |_: &[DataType]| Ok(DataType::Int32);
    let keys = |_: &[DataType]| {
        let item = Field::new_list_field(DataType::Utf8, true);
        Ok(DataType::List(Arc::new(item)))
    };
    vec![
        Function::new("get_json_object", texts::<2>, text, get_json_object),
        Function::new("json_array_length", texts::<1>, count, json_array_length),
        Function::new("json_object_keys", texts::<1>, keys, json_object_keys),
        Function::new("to_json", one_value, text, to_json),
        Function::new("from_json", text_and_type, type_of_second, from_json),
    ]
}

fn one_value(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [_] => Ok(types.to_vec()),
        _ => plan_err!("to_json takes one struct, array or map"),
    }
}

fn text_and_type(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [_, wanted] => Ok(vec![DataType::Utf8, wanted.clone()]),
        _ => plan_err!("from_json takes a text and a value of the type that is wanted"),
    }
}

fn type_of_second(types: &[DataType]) -> Result<DataType> {
    match types {
        [_, wanted] => Ok(wanted.clone()),
        _ => plan_err!("from_json takes a text and a value of the type that is wanted"),
    }
}

fn arrays(args: &ScalarFunctionArgs) -> Result<Vec<ArrayRef>> {
    let rows = args.number_rows;
    args.args.iter().map(|arg| arg.to_array(rows)).collect()
}

fn strings(array: &ArrayRef) -> Result<&StringArray> {
    array
        .as_string_opt::<i32>()
        .ok_or_else(|| exec_datafusion_err!("JSON is text, not {}", array.data_type()))
}

fn get_json_object(args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = arrays(&args)?;
    let (texts, paths) = (strings(&arrays[0])?, strings(&arrays[1])?);
    let mut parsed: Option<(&str, Option<Vec<Step>>)> = None;
    let mut found = StringBuilder::new();
    for (text, path) in texts.iter().zip(paths) {
        let (Some(text), Some(path)) = (text, path) else {
            found.append_null();
            continue;
        };
        if parsed.as_ref().is_none_or(|(of, _)| *of != path) {
            parsed = Some((path, steps(path)));
        }
        let steps = parsed.as_ref().and_then(|(_, steps)| steps.as_deref());
        found.append_option(steps.and_then(|steps| at(text, steps)));
    }
    Ok(ColumnarValue::Array(Arc::new(found.finish())))
}

fn json_array_length(args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = arrays(&args)?;
    let length = |text: &str| {
        let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        i32::try_from(items.len()).ok()
    };
    let lengths: Int32Array = strings(&arrays[0])?.iter().map(|t| length(t?)).collect();
    Ok(ColumnarValue::Array(Arc::new(lengths)))
}

fn json_object_keys(args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = arrays(&args)?;
    let mut lists = ListBuilder::new(StringBuilder::new());
    for text in strings(&arrays[0])? {
        let keys: Option<Keys> = text.and_then(|text| serde_json::from_str(text).ok());
        lists.append_option(keys.map(|keys| keys.0.into_iter().map(Some)));
    }
    Ok(ColumnarValue::Array(Arc::new(lists.finish())))
}

/// The keys of an object in their order.
struct Keys(Vec<String>);

impl<'de> serde::Deserialize<'de> for Keys {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Keys;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = vec![];
                while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        source.deserialize_map(Visitor)
    }
}

/// A step of a path such as `$.store['book'][0].title` or `$.*[*]`.
#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
    Every,
}

/// The steps of a path; `None` if it is none.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = vec![];
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("['") {
            let (key, after) = after.split_once("']")?;
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']')?;
            steps.push(match index.trim() {
                "*" => Step::Every,
                index => Step::Index(index.parse().ok()?),
            });
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (key, after) = after.split_at(end);
            steps.push(match key {
                "" => return None,
                "*" => Step::Every,
                key => Step::Key(key.to_owned()),
            });
            rest = after;
        }
    }
    Some(steps)
}

/// What is at a path: a text without its quotes, anything else as JSON. Several matches are an array.
fn at(text: &str, path: &[Step]) -> Option<String> {
    let whole: &RawValue = serde_json::from_str(text).ok()?;
    let mut found = vec![];
    let many = path.contains(&Step::Every);
    collect(whole, path, &mut found);
    if let ([only], true) | ([only], false) = (found.as_slice(), many) {
        return plain(only);
    }
    match (found.is_empty(), many) {
        (false, true) => {
            let items: Vec<String> = found.iter().map(|item| compact(item.get())).collect();
            Some(format!("[{}]", items.join(",")))
        }
        _ => None,
    }
}

fn collect<'a>(value: &'a RawValue, path: &[Step], found: &mut Vec<&'a RawValue>) {
    let Some((step, rest)) = path.split_first() else {
        found.push(value);
        return;
    };
    match step {
        Step::Key(key) => {
            let fields: Option<HashMap<String, &RawValue>> = serde_json::from_str(value.get()).ok();
            if let Some(field) = fields.and_then(|fields| fields.get(key).copied()) {
                collect(field, rest, found);
            } else if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(value.get()) {
                // As in Spark, a key of an array is that of its objects.
                items
                    .into_iter()
                    .for_each(|item| collect(item, path, found));
            }
        }
        Step::Index(index) => {
            let items: Option<Vec<&RawValue>> = serde_json::from_str(value.get()).ok();
            if let Some(item) = items.and_then(|items| items.get(*index).copied()) {
                collect(item, rest, found);
            }
        }
        Step::Every => {
            if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(value.get()) {
                items
                    .into_iter()
                    .for_each(|item| collect(item, rest, found));
            }
        }
    }
}

fn plain(value: &RawValue) -> Option<String> {
    match value.get() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        other => Some(compact(other)),
    }
}

/// The same JSON without the white space between its parts.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in json.chars() {
        if quoted || !c.is_ascii_whitespace() {
            out.push(c);
        }
        match c {
            '"' if !escaped => quoted = !quoted,
            '\\' if quoted && !escaped => {
                escaped = true;
                continue;
            }
            _ => {}
        }
        escaped = false;
    }
    out
}

/// Fields that are null are left out, as Spark does.
fn to_json(args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let values = arrays(&args)?.swap_remove(0);
    let field = Field::new(WRAP, values.data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let rows = RecordBatch::try_new(schema, vec![Arc::clone(&values)])?;
    let mut lines = vec![];
    let mut writer = LineDelimitedWriter::new(&mut lines);
    writer.write(&rows)?;
    writer.finish()?;
    drop(writer);
    lines.flush().map_err(ArrowError::from)?;
    let lines = String::from_utf8(lines).map_err(|e| exec_datafusion_err!("{e}"))?;
    let (before, after) = (format!("{{\"{WRAP}\":").len(), "}".len());
    let texts: StringArray = lines
        .lines()
        .enumerate()
        .map(|(row, line)| {
            let line = line.get(before..line.len().checked_sub(after)?)?;
            values.is_valid(row).then(|| line.to_owned())
        })
        .collect();
    Ok(ColumnarValue::Array(Arc::new(texts)))
}

/// A text that is no JSON of the type gives null.
fn from_json(args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = arrays(&args)?;
    let texts = strings(&arrays[0])?;
    let wanted = args.return_type().clone();
    let schema = Arc::new(Schema::new(vec![Field::new(WRAP, wanted.clone(), true)]));
    let row = |text: Option<&str>| {
        let text = text.map(str::trim).filter(|text| !text.is_empty());
        format!("{{\"{WRAP}\":{}}}\n", text.unwrap_or("null"))
    };
    let all: String = texts.iter().map(row).collect();
    if let Ok(values) = decode(&schema, &all, texts.len()) {
        return Ok(ColumnarValue::Array(values));
    }
    // Some text is wrong: each for itself.
    let each = texts.iter().map(|text| {
        let value = decode(&schema, &row(text), 1);
        value.unwrap_or_else(|_| new_null_array(&wanted, 1))
    });
    let each: Vec<ArrayRef> = each.collect();
    let each: Vec<&dyn Array> = each.iter().map(AsRef::as_ref).collect();
    Ok(ColumnarValue::Array(concat(&each)?))
}

fn decode(schema: &SchemaRef, json: &str, rows: usize) -> Result<ArrayRef> {
    let mut decoder = ReaderBuilder::new(Arc::clone(schema))
        .with_batch_size(rows.max(1))
        .build_decoder()?;
    let mut bytes = json.as_bytes();
    while !bytes.is_empty() {
        let taken = decoder.decode(bytes)?;
        if taken == 0 {
            return exec_err!("there is more than one value in a text");
        }
        bytes = &bytes[taken..];
        if bytes.iter().all(u8::is_ascii_whitespace) {
            break;
        }
    }
    let batch = decoder.flush()?;
    let values = batch.map(|batch| Arc::clone(batch.column(0)));
    match values {
        Some(values) if values.len() == rows => Ok(values),
        None if rows == 0 => Ok(new_null_array(schema.field(0).data_type(), 0)),
        _ => exec_err!("there is not one value in each text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_path() {
        let json =
            r#"{"a": {"b c": [1, 2.50, {"d": "x\"y"}]}, "e": null, "f": [{"g": 1}, {"g": 2}]}"#;
        for (path, expected) in [
            ("$.a", Some(r#"{"b c":[1,2.50,{"d":"x\"y"}]}"#)),
            ("$.a['b c'][1]", Some("2.50")),
            ("$['a']['b c'][2].d", Some("x\"y")),
            ("$.e", None),
            ("$.f[*].g", Some("[1,2]")),
            ("$.f.g", None),
            ("$.f[5]", None),
            ("$.none", None),
            ("a", None),
            ("$.", None),
        ] {
            let found = steps(path).and_then(|steps| at(json, &steps));
            assert_eq!(found.as_deref(), expected, "{path}");
        }
        assert_eq!(at("{not json", &[]), None);
    }

    #[test]
    fn wrong_texts_do_not_shift_the_others() {
        let schema = Arc::new(Schema::new(vec![Field::new(WRAP, DataType::Int64, true)]));
        assert!(decode(&schema, "{\"v\":1}\n{\"v\":x}\n", 2).is_err());
        assert!(decode(&schema, "{\"v\":1}{\"v\":2}\n", 1).is_err());
        assert_eq!(
            decode(&schema, "{\"v\":1}\n{\"v\":null}\n", 2)
                .unwrap()
                .len(),
            2
        );
    }
}
