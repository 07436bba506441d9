//! What a request says: its path, its query and its body. What cannot be read is refused in words.

use std::fmt;
use std::str::FromStr;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use springald_core::protocol::JobState;

use super::failure::Failure;

/// The names in a path.
pub(super) struct Named<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path(names) = Path::from_request_parts(parts, state).await?;
        Ok(Self(names))
    }
}

/// What stands behind the question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Query(asked) = Query::from_request_parts(parts, state).await?;
        Ok(Self(asked))
    }
}

/// A body in JSON, an object. A whole number may be written with a point, as JSON knows one kind of numbers.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let Json(body) = Json::<Value>::from_request(request, state).await?;
        // Serde would take a list for the fields in their order.
        if !body.is_object() {
            return Err(Failure::invalid("the body does not fit: it is no object"));
        }
        let body = serde_json::from_value(with_whole_numbers(body));
        let body = body.map_err(|e| Failure::invalid(format!("the body does not fit: {e}")))?;
        Ok(Self(body))
    }
}

/// `7` for `7.0`, wherever that is the same.
fn with_whole_numbers(value: Value) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(wide) if number.is_f64() && wide.fract() == 0.0 && wide.abs() < EXACT => {
                Value::from(wide as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(values) => values.into_iter().map(with_whole_numbers).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            fields
                .map(|(name, value)| (name, with_whole_numbers(value)))
                .collect()
        }
        other => other,
    }
}

/// The id of a session where the master keeps files or data for it: one name, and no path.
pub(super) struct SessionId(pub(super) String);

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match (1..=64).contains(&id.len()) && id.chars().all(plain) {
            true => Ok(Self(id)),
            false => Err(D::Error::custom(
                "a session's id has 1 to 64 letters, digits, hyphens and underscores",
            )),
        }
    }
}

/// States with commas between them.
#[derive(Debug, Default)]
pub(super) struct States(pub(super) Vec<JobState>);

impl<'de> Deserialize<'de> for States {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let names = text.split(',').filter(|name| !name.is_empty());
        let states = names.map(|name| {
            let mut all = JobState::ALL.into_iter();
            let found = all.find(|state| state.name() == name);
            found.ok_or_else(|| {
                let all = JobState::ALL.map(JobState::name).join(", ");
                D::Error::custom(format!("`{name}` is no state; there are {all}"))
            })
        });
        Ok(Self(states.collect::<Result<_, _>>()?))
    }
}

/// A number of a query, from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Within<const LEAST: u64, const MOST: u64>(pub(super) u64);

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Within<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl<const LEAST: u64, const MOST: u64> FromStr for Within<LEAST, MOST> {
    type Err = OutOf<LEAST, MOST>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(number) if (LEAST..=MOST).contains(&number) => Ok(Self(number)),
            _ => Err(OutOf),
        }
    }
}

pub(super) struct OutOf<const LEAST: u64, const MOST: u64>;

impl<const LEAST: u64, const MOST: u64> fmt::Display for OutOf<LEAST, MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a whole number from {LEAST} to {MOST}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[serde(default)]
        state: States,
        limit: Option<Within<1, 10>>,
    }

    fn parse(query: &str) -> Result<Example, String> {
        let uri = format!("/x?{query}").parse().unwrap();
        let parsed = Query::<Example>::try_from_uri(&uri);
        parsed
            .map(|Query(example)| example)
            .map_err(|e| e.body_text())
    }

    #[test]
    fn whole_numbers_may_have_a_point() {
        let body = r#"{"a":[7.0,-1.0,0.5,1e300,18446744073709551615],"b":"1.0"}"#;
        let read = with_whole_numbers(serde_json::from_str(body).unwrap());
        let expected = serde_json::json!({"a": [7, -1, 0.5, 1e300, u64::MAX], "b": "1.0"});
        assert_eq!(read, expected);
    }

    #[test]
    fn queries_are_checked() {
        let all = parse("").unwrap();
        assert!(all.state.0.is_empty() && all.limit.is_none());
        let some = parse("state=waiting%2Crunning&limit=10").unwrap();
        assert_eq!(some.state.0, [JobState::Waiting, JobState::Running]);
        assert_eq!(some.limit.unwrap().0, 10);
        for (query, words) in [
            ("state=lost", "`lost` is no state; there are waiting,"),
            ("limit=0", "from 1 to 10"),
            ("limit=11", "from 1 to 10"),
            ("limit=", "from 1 to 10"),
            ("limit=-1", "from 1 to 10"),
            ("stat=done", "unknown field `stat`"),
            ("limit=1&limit=2", "duplicate field"),
        ] {
            let e = parse(query).err().unwrap();
            assert!(e.contains(words), "{query}: {e}");
        }
    }
}
